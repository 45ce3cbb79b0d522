//! Who may open a WebSocket at all: pages of the listed origins, and programs that are no browsers.

use super::settings::ANY;
use std::rc::Rc;
use tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tungstenite::http::StatusCode;

/// Looks at the request for a WebSocket.
#[derive(Clone, Debug)]
pub(super) struct Gate(pub(super) Rc<[String]>);

impl Callback for Gate {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        match self.refuses(request) {
            None => Ok(response),
            Some((status, why)) => Err(refused(status, why)),
        }
    }
}

impl Gate {
    /// Returns why there will be no WebSocket. A browser always says which page asks; who does not is none, and could claim anything.
    fn refuses(&self, request: &Request) -> Option<(StatusCode, &'static str)> {
        if request.uri().query().is_some() {
            return Some((
                StatusCode::BAD_REQUEST,
                "no query is expected: URLs are kept in logs, tokens must not be\n",
            ));
        }
        let mut origins = request.headers().get_all("origin").iter();
        let (first, more) = (origins.next()?, origins.next());
        let is_listed = first
            .to_str()
            .is_ok_and(|origin| self.0.iter().any(|listed| listed == ANY || listed.eq_ignore_ascii_case(origin)));
        (!is_listed || more.is_some()).then_some((StatusCode::FORBIDDEN, "this origin is not let in\n"))
    }
}

fn refused(status: StatusCode, why: &str) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(why.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert("connection", tungstenite::http::HeaderValue::from_static("close"));
    headers.insert("content-length", why.len().into());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The status that a request gets at a gate for `listed`.
    fn asked(listed: &[&str], path: &str, origins: &[&str]) -> u16 {
        let gate = Gate(listed.iter().map(|origin| origin.to_string()).collect());
        let mut request = Request::new(());
        *request.uri_mut() = path.parse().unwrap();
        for origin in origins {
            request.headers_mut().append("origin", origin.parse().unwrap());
        }
        gate.refuses(&request).map_or(101, |(status, _)| status.as_u16())
    }

    #[test]
    fn pages_of_listed_origins_and_programs_get_in() {
        let list = ["https://a.example", "http://localhost:8080"];
        for (listed, path, origins, want) in [
            (&list[..], "/", &["https://a.example"][..], 101),
            (&list, "/any/path", &["http://localhost:8080"], 101),
            (&list, "/", &[], 101),
            (&list, "/", &["https://a.example.evil.example"], 403),
            (&list, "/", &["http://a.example"], 403),
            (&list, "/", &["https://a.example:444"], 403),
            (&list, "/", &["null"], 403),
            (&list, "/", &["*"], 403),
            (&list, "/", &["https://a.example", "https://evil.example"], 403),
            (&list, "/?token=x", &["https://a.example"], 400),
            (&[], "/", &["https://a.example"], 403),
            (&[], "/", &[], 101),
            (&["*"], "/", &["https://b.example"], 101),
        ] {
            assert_eq!(asked(listed, path, origins), want, "{listed:?} {path} {origins:?}");
        }
    }
}
