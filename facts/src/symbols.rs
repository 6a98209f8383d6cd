//! The symbols of an object, as kallsyms lists them.

/// A symbol table, ordered by address. Of vmlinux that is the order in which `old_sympos` counts.
#[derive(Debug, Default)]
pub struct Symbols {
    /// All names, one after the other in the order of the entries.
    names: String,
    entries: Vec<Entry>,
    /// Numbers of the entries, ordered by name and then by address.
    by_name: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    address: u64,
    kind: u8,
    /// Where its name ends in `names`.
    end: u32,
}

/// A table that was written in its order, while it is read: what [`Symbols::new`] would give, without sorting again.
#[derive(Debug)]
pub(crate) struct Written {
    names: Vec<u8>,
    entries: Vec<Entry>,
}

impl Written {
    /// Room for so many symbols.
    pub(crate) fn with_capacity(symbols: usize) -> Self {
        Written { names: Vec::new(), entries: Vec::with_capacity(symbols) }
    }

    pub(crate) fn push(&mut self, address: u64, kind: u8, name: &[u8]) {
        self.names.extend_from_slice(name);
        self.entries.push(Entry { address, kind, end: self.names.len() as u32 });
    }

    /// The table; None if a name is not of printable ASCII characters or the order is not that of as many symbols.
    pub(crate) fn finish(self, by_name: Vec<u32>) -> Option<Symbols> {
        let Written { names, entries } = self;
        // Names end up in messages and in generated code. There are too many to look at one by one.
        let plain = names.iter().all(u8::is_ascii_graphic);
        let names = String::from_utf8(names).ok()?;
        let all = by_name.len() == entries.len() && by_name.iter().all(|&n| (n as usize) < entries.len());
        (plain && all).then_some(Symbols { names, entries, by_name })
    }
}

/// One symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sym<'a> {
    /// Where it is, as linked.
    pub address: u64,
    /// The letter that kallsyms shows. It does not tell data sections apart reliably; ask for the section instead.
    pub kind: char,
    /// Its name.
    pub name: &'a str,
}

impl Symbols {
    /// A table of these symbols, which may come in any order. Symbols of one address keep theirs.
    pub fn new<'a>(symbols: impl IntoIterator<Item = Sym<'a>>) -> Self {
        let mut symbols: Vec<_> = symbols.into_iter().collect();
        symbols.sort_by_key(|sym| sym.address);
        let mut table = Symbols::unsorted(symbols);
        let mut by_name: Vec<u32> = (0..table.entries.len() as u32).collect();
        by_name.sort_by_key(|&n| table.name(n as usize));
        table.by_name = by_name;
        table
    }

    /// A table of a module's symbols: among equal names `old_sympos` counts in the order of the module's own table, which is
    /// the one that they come in here.
    pub fn of_module<'a>(symbols: impl IntoIterator<Item = Sym<'a>>) -> Self {
        let symbols: Vec<_> = symbols.into_iter().collect();
        let mut by_address: Vec<usize> = (0..symbols.len()).collect();
        by_address.sort_by_key(|&n| symbols[n].address);
        let mut table = Symbols::unsorted(by_address.iter().map(|&n| symbols[n]));
        let mut by_name: Vec<u32> = (0..table.entries.len() as u32).collect();
        by_name.sort_by_key(|&n| (table.name(n as usize), by_address[n as usize]));
        table.by_name = by_name;
        table
    }

    fn unsorted<'a>(symbols: impl IntoIterator<Item = Sym<'a>>) -> Self {
        let mut table = Symbols::default();
        for Sym { address, kind, name } in symbols {
            table.names.push_str(name);
            table.entries.push(Entry { address, kind: kind as u8, end: table.names.len() as u32 });
        }
        table
    }

    pub(crate) fn by_name(&self) -> &[u32] {
        &self.by_name
    }

    /// The number of symbols.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All symbols by address.
    pub fn iter(&self) -> impl Iterator<Item = Sym<'_>> {
        (0..self.entries.len()).map(|n| self.get(n))
    }

    /// The symbols of this name: the one at `[N - 1]` has `old_sympos` N.
    pub fn named<'a>(&'a self, name: &str) -> Vec<Sym<'a>> {
        let start = self.by_name.partition_point(|&n| self.name(n as usize) < name);
        let same = self.by_name[start..].iter().take_while(|&&n| self.name(n as usize) == name);
        same.map(|&n| self.get(n as usize)).collect()
    }

    /// The first address above this one that has a symbol.
    pub fn next_address(&self, address: u64) -> Option<u64> {
        let next = self.entries.partition_point(|e| e.address <= address);
        Some(self.entries.get(next)?.address)
    }

    /// The highest address that has a symbol and is not above this one.
    pub fn last_up_to(&self, address: u64) -> Option<u64> {
        let next = self.entries.partition_point(|e| e.address <= address);
        Some(self.entries[next.checked_sub(1)?].address)
    }

    /// The symbols whose names start so.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = Sym<'a>> {
        let start = self.by_name.partition_point(|&n| self.name(n as usize) < prefix);
        let these = self.by_name[start..].iter().map(|&n| self.get(n as usize));
        these.take_while(move |sym| sym.name.starts_with(prefix))
    }

    /// The symbols at an address.
    pub fn at(&self, address: u64) -> impl Iterator<Item = Sym<'_>> {
        let start = self.entries.partition_point(|e| e.address < address);
        let end = self.entries.partition_point(|e| e.address <= address);
        (start..end).map(|n| self.get(n))
    }

    /// The nearest symbols on both sides of an address whose names occur once: landmarks for a reader.
    pub fn landmarks(&self, address: u64) -> (Option<&str>, Option<&str>) {
        let unique = |n: &usize| self.named(self.name(*n)).len() == 1 && !self.name(*n).starts_with("__pfx_");
        let here = self.entries.partition_point(|e| e.address < address);
        let behind = self.entries.partition_point(|e| e.address <= address);
        // Far away a landmark says nothing.
        const REACH: usize = 64;
        let before = (here.saturating_sub(REACH)..here).rev().find(unique);
        let after = (behind..(behind + REACH).min(self.entries.len())).find(unique);
        (before.map(|n| self.name(n)), after.map(|n| self.name(n)))
    }

    fn name(&self, n: usize) -> &str {
        let start = n.checked_sub(1).map_or(0, |before| self.entries[before].end);
        &self.names[start as usize..self.entries[n].end as usize]
    }

    fn get(&self, n: usize) -> Sym<'_> {
        let Entry { address, kind, .. } = self.entries[n];
        Sym { address, kind: kind as char, name: self.name(n) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(names: &[&[u8]], by_name: Vec<u32>) -> Option<Symbols> {
        let mut written = Written::with_capacity(names.len());
        names.iter().zip(0..).for_each(|(name, address)| written.push(address, b'T', name));
        written.finish(by_name)
    }

    #[test]
    fn a_table_that_was_written_is_read_only_whole() {
        let names = ["b".as_bytes(), b"a"];
        let symbols = read(&names, vec![1, 0]);
        assert!(symbols.is_some_and(|symbols| symbols.named("a").len() == 1));
        assert!(read(&names, vec![0]).is_none());
        assert!(read(&names, vec![0, 2]).is_none());
        assert!(read(&[b"a\nb"], vec![0]).is_none());
        // Together these are text, each by itself is not.
        assert!(read(&[b"\xc3", b"\xa4"], vec![0, 1]).is_none());
    }
}
