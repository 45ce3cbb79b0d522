//! The arguments of GEOSEARCH and its kin.

use super::{number, place, place_of, unit};
use crate::ds::geo::{Area, Place, Shape};
use crate::ds::zset::Zset;
use crate::engine::{Args, Ctx, Error};

/// Which command it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Radius,
    RadiusByMember,
    Search,
    SearchStore,
}

/// Nearest or farthest first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Ascending,
    Descending,
}

/// What is searched and how it is answered.
#[derive(Default)]
pub(super) struct Options<'a> {
    /// Nothing to search without the key.
    pub(super) area: Option<Area>,
    /// Meters of the unit that distances are said in.
    pub(super) unit: f64,
    pub(super) with_dist: bool,
    pub(super) with_hash: bool,
    pub(super) with_coord: bool,
    pub(super) sort: Option<Sort>,
    pub(super) count: Option<usize>,
    /// The first ones found will do.
    pub(super) any: bool,
    pub(super) store: Option<&'a [u8]>,
    /// Distances are stored as scores.
    pub(super) store_dist: bool,
    center: Option<Place>,
    shape: Option<Shape>,
    /// The center is a member of a key that is missing.
    nowhere: bool,
}

/// Reads the arguments of a command that looks into the key `from`, and may store unless it is `read_only`.
pub(super) fn parse<'a>(c: &mut Ctx<'a>, form: Form, from: &[u8], read_only: bool) -> Result<Options<'a>, Error> {
    let zset = c.ks.get::<Zset>(from)?;
    let mut args = Args::from(c.argv, if form == Form::SearchStore { 3 } else { 2 });
    let mut options = Options { unit: 1.0, ..Options::default() };
    match form {
        Form::Radius => {
            options.center = Some(place(&mut args)?);
            options.circle(&mut args)?;
        }
        Form::RadiusByMember if zset.is_none() => {
            args.take(3)?;
            options.nowhere = true;
        }
        Form::RadiusByMember => {
            options.member(zset, args.next()?)?;
            options.circle(&mut args)?;
        }
        Form::Search => {}
        Form::SearchStore => options.store = Some(c.argv[1]),
    }
    let searches = matches!(form, Form::Search | Form::SearchStore);
    while args.more() {
        let known = options.flag(&mut args)?
            || (searches && options.where_to_search(&mut args, zset)?)
            || (form == Form::SearchStore && args.word("STOREDIST") && options.store_distances())
            || (!searches && !read_only && options.where_to_store(&mut args)?);
        if !known {
            return Err(Error::Syntax);
        }
    }
    options.check(form)?;
    Ok(options)
}

impl<'a> Options<'a> {
    fn member(&mut self, zset: Option<&Zset>, member: &[u8]) -> Result<(), Error> {
        match zset {
            Some(zset) => self.center = Some(zset.score(member).map(place_of).ok_or(Error::GeoMember)?),
            None => self.nowhere = true,
        }
        Ok(())
    }

    fn circle(&mut self, args: &mut Args) -> Result<(), Error> {
        let radius = number(args, Error::GeoRadius)?;
        if radius < 0.0 {
            return Err(Error::GeoRadiusNegative);
        }
        self.unit = unit(args.next()?)?;
        self.shape = Some(Shape::Circle { radius: radius * self.unit });
        Ok(())
    }

    fn rectangle(&mut self, args: &mut Args) -> Result<(), Error> {
        let (width, height) = (number(args, Error::GeoWidth)?, number(args, Error::GeoHeight)?);
        if width < 0.0 || height < 0.0 {
            return Err(Error::GeoBoxNegative);
        }
        self.unit = unit(args.next()?)?;
        self.shape = Some(Shape::Box { width: width * self.unit, height: height * self.unit });
        Ok(())
    }

    /// Takes an option that every command has. Returns whether there was one.
    fn flag(&mut self, args: &mut Args) -> Result<bool, Error> {
        if args.word("WITHDIST") {
            self.with_dist = true;
        } else if args.word("WITHHASH") {
            self.with_hash = true;
        } else if args.word("WITHCOORD") {
            self.with_coord = true;
        } else if args.word("ANY") {
            self.any = true;
        } else if args.word("ASC") {
            self.sort = Some(Sort::Ascending);
        } else if args.word("DESC") {
            self.sort = Some(Sort::Descending);
        } else if args.left() >= 2 && args.word("COUNT") {
            let count = u64::try_from(args.int()?).ok().filter(|count| *count > 0).ok_or(Error::GeoCount)?;
            self.count = Some(usize::try_from(count).unwrap_or(usize::MAX));
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Takes FROM… or BY…, each of which may come once. Returns whether there was one.
    fn where_to_search(&mut self, args: &mut Args, zset: Option<&Zset>) -> Result<bool, Error> {
        let (placed, shaped) = (self.center.is_some() || self.nowhere, self.shape.is_some());
        if !placed && args.left() >= 2 && args.word("FROMMEMBER") {
            self.member(zset, args.next()?)?;
        } else if !placed && args.left() >= 3 && args.word("FROMLONLAT") {
            self.center = Some(place(args)?);
        } else if !shaped && args.left() >= 3 && args.word("BYRADIUS") {
            self.circle(args)?;
        } else if !shaped && args.left() >= 4 && args.word("BYBOX") {
            self.rectangle(args)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Takes STORE or STOREDIST, of which the last counts. Returns whether there was one.
    fn where_to_store(&mut self, args: &mut Args<'a>) -> Result<bool, Error> {
        if args.left() < 2 {
            return Ok(false);
        }
        let distances = args.word("STOREDIST");
        if !distances && !args.word("STORE") {
            return Ok(false);
        }
        (self.store, self.store_dist) = (Some(args.next()?), distances);
        Ok(true)
    }

    fn store_distances(&mut self) -> bool {
        self.store_dist = true;
        true
    }

    /// Checks that the options go together.
    fn check(&mut self, form: Form) -> Result<(), Error> {
        let name = if form == Form::SearchStore { "GEOSEARCHSTORE" } else { "GEOSEARCH" };
        if self.store.is_some() && (self.with_dist || self.with_hash || self.with_coord) {
            let what = if form == Form::SearchStore { name } else { "STORE option in GEORADIUS" };
            let text = format!("ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
            return Err(Error::new(text));
        }
        if matches!(form, Form::Search | Form::SearchStore) {
            if self.center.is_none() && !self.nowhere {
                let text = format!("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {name}");
                return Err(Error::new(text));
            }
            if self.shape.is_none() {
                let text = format!("ERR exactly one of BYRADIUS and BYBOX can be specified for {name}");
                return Err(Error::new(text));
            }
        }
        if self.any && self.count.is_none() {
            return Err(Error::AnyWithoutCount);
        }
        // So many of them are the nearest ones, unless any will do.
        if self.count.is_some() && !self.any && self.sort.is_none() {
            self.sort = Some(Sort::Ascending);
        }
        self.area = self.center.zip(self.shape).map(|(center, shape)| Area { center, shape });
        Ok(())
    }
}
