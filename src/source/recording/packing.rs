//! What the file of a recording is: lines, or lines in gzip. Anything else that is recognised is named, with what to do.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// A form that is not read, recognised by how a file of it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The form, as in `it is …`.
    pub form: &'static str,
    /// A sentence about what to do instead.
    pub advice: &'static str,
    /// Place of the bytes that tell it, from the beginning of the file.
    at: usize,
    /// The bytes that tell it.
    magic: &'static [u8],
}

const ONE_LAYER: &str = "only one layer of gzip is read. Unpack it first, for example with `gzip -d`";
const TAKE_OUT: &str = "only a file of events is read, plain or gzip. Take the recording out of it first";
const TO_LINES: &str = "only lines of JSON are read. Write it as one JSON event a line";

/// How gzip begins.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// The forms that are told apart. No line of JSON begins like any of them.
const FORMS: [Foreign; 19] = [
    form(0, GZIP, "compressed with gzip", ONE_LAYER),
    form(
        0,
        b"\x28\xb5\x2f\xfd",
        "compressed with zstd",
        "only gzip is read. Unpack it first, for example with `zstd -d`",
    ),
    form(0, b"\xfd7zXZ\0", "compressed with xz", "only gzip is read. Unpack it first, for example with `xz -d`"),
    form(4, b"1AY&SY", "compressed with bzip2", "only gzip is read. Unpack it first, for example with `bzip2 -d`"),
    form(
        0,
        b"\x04\x22\x4d\x18",
        "compressed with lz4",
        "only gzip is read. Unpack it first, for example with `lz4 -d`",
    ),
    form(0, b"LZIP", "compressed with lzip", "only gzip is read. Unpack it first, for example with `lzip -d`"),
    form(0, b"\xff\x06\0\0sNaPpY", "compressed with snappy", "only gzip is read. Unpack it first"),
    form(0, b"\x1f\x9d", "compressed with compress", "only gzip is read. Unpack it first, for example with `gzip -d`"),
    form(257, b"ustar", "a tar archive", TAKE_OUT),
    form(0, b"PK\x03\x04", "a zip archive", TAKE_OUT),
    form(0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", TAKE_OUT),
    form(0, b"Rar!\x1a\x07", "a RAR archive", TAKE_OUT),
    form(0, b"SQLite format 3\0", "an SQLite database", "the address of a store of Seamwatch is `sqlite:PATH`"),
    form(0, b"PAR1", "a Parquet file", TO_LINES),
    form(0, b"ARROW1", "an Arrow file", TO_LINES),
    form(0, b"Obj\x01", "an Avro file", TO_LINES),
    form(
        0,
        b"\xff\xfe",
        "UTF-16 text",
        "only UTF-8 is read. Convert it first, for example with `iconv -f UTF-16 -t UTF-8`",
    ),
    form(
        0,
        b"\xfe\xff",
        "UTF-16 text",
        "only UTF-8 is read. Convert it first, for example with `iconv -f UTF-16 -t UTF-8`",
    ),
    form(0, b"[", "a JSON array", "only one event a line is read. `jq -c '.[]'` makes lines of it"),
];

/// Shortest magic that no damaged line begins with by chance.
const CERTAIN: usize = 4;

const fn form(at: usize, magic: &'static [u8], form: &'static str, advice: &'static str) -> Foreign {
    Foreign { form, advice, at, magic }
}

impl Foreign {
    /// The form that begins like this; `None` when it looks like none of them.
    pub fn of(head: &[u8]) -> Option<Self> {
        FORMS.into_iter().find(|it| head.get(it.at..).is_some_and(|rest| rest.starts_with(it.magic)))
    }

    /// True when it cannot be a recording whose first line is damaged.
    pub const fn is_certain(self) -> bool {
        self.magic.len() >= CERTAIN
    }
}

/// Whether this is the beginning of gzip.
pub(super) fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(GZIP)
}

/// The data in a file of gzip: of all its members, one after the other. Zeros after a member only fill the file up.
pub(super) struct Members<R> {
    /// The member that is being read; `None` after the last.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(file: R) -> Self {
        Self { member: Some(GzDecoder::new(file)) }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(to)?;
            if read > 0 || to.is_empty() {
                return Ok(read);
            }
            let rest = self.member.take().map(GzDecoder::into_inner);
            if let Some(mut rest) = rest
                && skip_zeros(&mut rest)?
            {
                self.member = Some(GzDecoder::new(rest));
            }
        }
        Ok(0)
    }
}

/// Skips zeros; false when there is nothing after them.
fn skip_zeros(file: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = file.fill_buf()?;
        let zeros = bytes.iter().take_while(|it| **it == 0).count();
        let goes_on = zeros < bytes.len();
        file.consume(zeros);
        if goes_on || zeros == 0 {
            return Ok(goes_on);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::{BufReader, Write};

    fn gzip(text: &str) -> Vec<u8> {
        let mut to = GzEncoder::new(Vec::new(), Compression::fast());
        to.write_all(text.as_bytes()).unwrap();
        to.finish().unwrap()
    }

    fn unpacked(bytes: &[u8]) -> (String, bool) {
        let mut text = Vec::new();
        // A small buffer, so that members and zeros do not end where it does.
        let read = Members::new(BufReader::with_capacity(7, bytes)).read_to_end(&mut text);
        (String::from_utf8(text).unwrap(), read.is_ok())
    }

    #[test]
    fn members_are_read_one_after_the_other_and_zeros_between_and_after_them_are_nothing() {
        let (one, two, zeros) = (gzip("one\n"), gzip("two\n"), vec![0; 600]);
        let all = |parts: &[&[u8]]| unpacked(&parts.concat());
        assert_eq!(all(&[&one]), ("one\n".to_owned(), true));
        assert_eq!(all(&[&one, &zeros]), ("one\n".to_owned(), true));
        assert_eq!(all(&[&one, &two]), ("one\ntwo\n".to_owned(), true));
        assert_eq!(all(&[&one, &zeros, &two, &[0]]), ("one\ntwo\n".to_owned(), true));
        assert_eq!(all(&[&one, b"garbage, no member"]), ("one\n".to_owned(), false));
        assert_eq!(all(&[&one, &two[..two.len() - 3]]), ("one\ntwo\n".to_owned(), false));
    }

    #[test]
    fn what_is_no_recording_is_recognised() {
        let form = |head: &[u8]| Foreign::of(head).map(|it| it.form);
        assert_eq!(form(b"BZh91AY&SY\x01"), Some("compressed with bzip2"));
        assert_eq!(form(b"BZh is a name"), None);
        assert_eq!(form(b"{\"at\":\"2026-03-01T10:00:00Z\"}"), None);
        assert_eq!(form(b"\xef\xbb\xbf{}"), None);
        assert_eq!(form(b""), None);
        let mut archive = vec![b'a'; 512];
        archive[257..262].copy_from_slice(b"ustar");
        assert_eq!(form(&archive), Some("a tar archive"));
        assert_eq!(
            FORMS.map(Foreign::is_certain).into_iter().filter(|it| !it).count(),
            5,
            "gzip, compress, UTF-16, an array"
        );
    }
}
