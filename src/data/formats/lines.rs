//! The lines of a text while it is read, for messages: the csv crate counts `\r\n` and empty lines too late.

use std::collections::VecDeque;
use std::io::Read;

/// A text that is read. It counts double quotes: an odd number of them leaves one open, which takes in all lines to
/// the end.
pub(super) struct Lines<R> {
    input: R,
    /// How many double quotes were read.
    pub(super) quotes: usize,
    /// Where lines that are not empty begin, in bytes, and their numbers from 1.
    starts: VecDeque<(u64, u64)>,
    line: u64,
    offset: u64,
    before: u8,
}

impl<R> Lines<R> {
    pub(super) fn new(input: R) -> Lines<R> {
        Lines { input, quotes: 0, starts: VecDeque::new(), line: 1, offset: 0, before: b'\n' }
    }

    /// The line of a record that the csv crate places at this byte: the first that is not empty from there on. Those
    /// before it are forgotten.
    pub(super) fn line_at(&mut self, byte: u64) -> u64 {
        while self.starts.front().is_some_and(|(start, _)| *start < byte) {
            self.starts.pop_front();
        }
        self.starts.front().map_or(self.line, |(_, line)| *line)
    }

    fn note(&mut self, byte: u8) {
        match (self.before, byte) {
            (b'\r', b'\n') => {}
            (_, b'\n' | b'\r') => self.line += 1,
            (b'\n' | b'\r', _) => self.starts.push_back((self.offset, self.line)),
            _ => {}
        }
        self.quotes += usize::from(byte == b'"');
        self.before = byte;
        self.offset += 1;
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let found = self.input.read(buffer)?;
        buffer[..found].iter().for_each(|byte| self.note(*byte));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn records_know_their_lines() {
        let cases = [
            ("a,b\n1,2\n3,4\n", vec![2, 3]),
            ("a,b\r\n1,2\r\n3,4", vec![2, 3]),
            ("a,b\r1,2\r3,4\r", vec![2, 3]),
            ("\n\na,b\n\n1,2\n\r\n\n3,4\n\n", vec![5, 8]),
            ("a,b\r\n\"1\r\n\n1\",2\r\n3,4\r\n", vec![2, 5]),
            ("\u{feff}a,b\r\n1,2\r\n3,4\r\n", vec![2, 3]),
        ];
        for (text, want) in cases {
            let mut reader = csv::Reader::from_reader(Lines::new(text.as_bytes()));
            let mut record = csv::StringRecord::new();
            let mut found = Vec::new();
            while reader.read_record(&mut record).expect("it is whole") {
                let byte = record.position().expect("it has a place").byte();
                found.push(reader.get_mut().line_at(byte));
            }
            assert_eq!(found, want, "{text:?}");
        }
    }
}
