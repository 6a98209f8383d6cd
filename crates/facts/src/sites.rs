// SPDX-License-Identifier: GPL-2.0
//! The ftrace sites of an object.

use crate::Site;

/// Sites by the address of their function.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Sites(Vec<(u64, Site)>);

impl Sites {
    /// The site in the function at an address.
    pub fn get(&self, function: u64) -> Option<&Site> {
        let at = self.0.binary_search_by_key(&function, |(function, _)| *function).ok()?;
        self.0.get(at).map(|(_, site)| site)
    }

    /// Whether the function at an address has a site.
    pub fn contains(&self, function: u64) -> bool {
        self.get(function).is_some()
    }

    /// All sites, by the address of the function.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Site)> {
        self.0.iter().map(|(function, site)| (*function, site))
    }

    /// The number of sites.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no sites.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a site, or replaces the one that the function has.
    pub fn insert(&mut self, function: u64, site: Site) {
        match self.0.binary_search_by_key(&function, |(function, _)| *function) {
            Ok(at) => self.0[at].1 = site,
            Err(at) => self.0.insert(at, (function, site)),
        }
    }

    /// A table from sites in order. None if they are not in order.
    pub(crate) fn in_order(sites: Vec<(u64, Site)>) -> Option<Sites> {
        sites.is_sorted_by(|before, behind| before.0 < behind.0).then_some(Sites(sites))
    }
}

impl FromIterator<(u64, Site)> for Sites {
    /// If a function has several sites, the first one counts: the others are of weak functions that
    /// the linker has replaced, and that have no symbol any more.
    fn from_iter<I: IntoIterator<Item = (u64, Site)>>(sites: I) -> Self {
        let mut sites: Vec<_> = sites.into_iter().collect();
        sites.sort_by_key(|(function, site)| (*function, site.offset));
        sites.dedup_by_key(|(function, _)| *function);
        Sites(sites)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_found_by_their_functions() {
        let site = |offset| Site { offset, bytes: [0; crate::ENTRY_BYTES] };
        let mut sites: Sites = [(30, site(3)), (10, site(9)), (10, site(1))].into_iter().collect();
        sites.insert(20, site(2));
        sites.insert(30, site(4));
        assert_eq!(
            sites.iter().map(|(at, site)| (at, site.offset)).collect::<Vec<_>>(),
            [(10, 1), (20, 2), (30, 4)]
        );
        assert_eq!((sites.get(20), sites.get(25)), (Some(&site(2)), None));
        assert!(Sites::in_order(vec![(2, site(0)), (1, site(0))]).is_none());
        assert!(Sites::in_order(vec![(1, site(0)), (1, site(0))]).is_none());
    }
}
