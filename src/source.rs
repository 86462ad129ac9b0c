//! Source files and places in them.

/// Which file of a [`Sources`] a [`Span`] lies in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct FileId(pub u16);

/// A half-open range of bytes in one file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The span from byte `start` to byte `end` of `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        Span { file, start: start as u32, end: end as u32 }
    }

    /// The smallest span that covers `self` and `other`, which lie in one file.
    pub fn to(self, other: Span) -> Span {
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// One file: the name that messages use for it, and its text.
#[derive(Clone, Debug)]
pub struct Source {
    /// As the user wrote it on the command line, or `std/optim.eg` for the library.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// All files of one compilation: the script first, then the library.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Adds a file and returns its id.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        self.files.push(Source { name: name.into(), text: text.into() });
        FileId((self.files.len() - 1) as u16)
    }

    /// The file with this id.
    pub fn get(&self, id: FileId) -> &Source {
        &self.files[id.0 as usize]
    }

    /// The text that `span` covers.
    pub fn slice(&self, span: Span) -> &str {
        &self.get(span.file).text[span.start as usize..span.end as usize]
    }

    /// Line and column of byte `at` of a file, both from 1; the column counts characters.
    pub fn line_column(&self, file: FileId, at: u32) -> (usize, usize) {
        let text = &self.get(file).text;
        let at = text.floor_char_boundary(at as usize);
        let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count();
        (line + 1, text[start..at].chars().count() + 1)
    }

    /// All files with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        self.files.iter().enumerate().map(|(index, file)| (FileId(index as u16), file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let mut sources = Sources::default();
        let file = sources.add("a.eg", "let é = 1\nβ = 2\n");
        let at = |byte| sources.line_column(file, byte);
        assert_eq!((at(0), at(4), at(6), at(7)), ((1, 1), (1, 5), (1, 6), (1, 7)));
        assert_eq!((at(11), at(13), at(18), at(99)), ((2, 1), (2, 2), (3, 1), (3, 1)));
        assert_eq!(at(5), (1, 5), "inside a character");
    }
}
