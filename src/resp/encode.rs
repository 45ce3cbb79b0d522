//! Writing RESP frames into a buffer.

use crate::base::num::{NumBuf, fmt_i64};

/// Appends `argv` as a command: an array of bulk strings, the only form effects are ever written in.
pub fn command(out: &mut Vec<u8>, argv: &[&[u8]]) {
    header(out, b'*', argv.len() as i64);
    for arg in argv {
        bulk(out, arg);
    }
}

/// Appends a bulk string.
#[inline]
pub fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    header(out, b'$', bytes.len() as i64);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Appends `tag`, a number and the line end: the head of every aggregate and blob.
#[inline]
pub fn header(out: &mut Vec<u8>, tag: u8, n: i64) {
    let mut buf: NumBuf = [0; 40];
    out.push(tag);
    out.extend_from_slice(fmt_i64(n, &mut buf));
    out.extend_from_slice(b"\r\n");
}

/// Appends `tag`, a text and the line end. Line breaks inside the text become spaces: a simple string has no way to
/// carry them.
pub fn line(out: &mut Vec<u8>, tag: u8, text: &[u8]) {
    out.push(tag);
    out.extend(text.iter().map(|&b| if b == b'\r' || b == b'\n' { b' ' } else { b }));
    out.extend_from_slice(b"\r\n");
}
