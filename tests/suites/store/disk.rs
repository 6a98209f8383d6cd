// SPDX-License-Identifier: GPL-2.0
//! A disk that may lose its power. Only what was synced is sure: the contents of a file, and the
//! names in a folder. The names that were not synced arrive in the order in which they changed, as
//! far as they do, and each folder for itself.

use super::trace::Operation;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// What a disk holds: everything below a folder.
pub(super) type Tree = BTreeMap<PathBuf, Item>;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    Folder,
    File(Vec<u8>),
    Link(PathBuf),
}

/// Reads what is below a folder.
pub(super) fn read(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(path) = pending.pop() {
        let at = folder.join(&path);
        let item = if at.is_symlink() {
            Item::Link(fs::read_link(&at).unwrap_or_else(|error| panic!("{error}")))
        } else if at.is_dir() {
            for entry in fs::read_dir(&at).unwrap_or_else(|error| panic!("{error}")).flatten() {
                pending.push(path.join(entry.file_name()));
            }
            Item::Folder
        } else {
            Item::File(fs::read(&at).unwrap_or_else(|error| panic!("{}: {error}", at.display())))
        };
        tree.insert(path, item);
    }
    tree
}

/// Puts this into a folder that does not exist yet.
pub(super) fn write(tree: &Tree, folder: &Path) {
    for (path, item) in tree {
        let at = folder.join(path);
        let written = match item {
            Item::Folder => fs::create_dir(&at),
            Item::File(bytes) => fs::write(&at, bytes),
            Item::Link(to) => symlink(to, &at),
        };
        written.unwrap_or_else(|error| panic!("{}: {error}", at.display()));
    }
}

/// The names in a folder, with the numbers of what they name.
type Names = BTreeMap<String, usize>;

/// What is named, whatever its name.
enum Node {
    File { now: Vec<u8>, synced: Vec<u8> },
    Link(PathBuf),
    Folder { synced: Names, since: Vec<Change> },
}

/// A change of the names in a folder.
#[derive(Clone)]
enum Change {
    Add(String, usize),
    Remove(String),
    Rename(String, String),
}

impl Change {
    fn apply(&self, names: &mut Names) {
        let lost = |name: &str| -> ! { panic!("there is no {name}") };
        match self {
            Change::Add(name, node) => {
                assert!(names.insert(name.clone(), *node).is_none(), "{name} is there");
            }
            Change::Remove(name) => drop(names.remove(name).unwrap_or_else(|| lost(name))),
            Change::Rename(from, to) => {
                let node = names.remove(from).unwrap_or_else(|| lost(from));
                names.insert(to.clone(), node);
            }
        }
    }
}

/// What has reached the disk of the contents of files that were not synced.
#[derive(Clone, Copy)]
enum Contents {
    None,
    Half,
    All,
}

/// A disk that is being written to.
pub(super) struct Disk {
    nodes: Vec<Node>,
}

const ROOT: usize = 0;

impl Disk {
    /// A disk that holds this, and has for long.
    pub(super) fn new(tree: &Tree) -> Disk {
        let mut disk = Disk { nodes: Vec::new() };
        for (path, item) in tree {
            let node = disk.add(match item {
                Item::Folder => Node::Folder { synced: Names::new(), since: Vec::new() },
                Item::File(bytes) => Node::File { now: bytes.clone(), synced: bytes.clone() },
                Item::Link(to) => Node::Link(to.clone()),
            });
            if node != ROOT {
                disk.change(path, |name| Change::Add(name, node));
            }
        }
        for node in 0..disk.nodes.len() {
            disk.sync(node);
        }
        disk
    }

    pub(super) fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::MakeFolder(path) => {
                let folder = self.add(Node::Folder { synced: Names::new(), since: Vec::new() });
                self.change(path, |name| Change::Add(name, folder));
            }
            // The lock is opened by every writer.
            Operation::Create(path) if self.find(path).is_some() => {}
            Operation::Create(path) => {
                let file = self.add(Node::File { now: Vec::new(), synced: Vec::new() });
                self.change(path, |name| Change::Add(name, file));
            }
            Operation::Write(path, bytes) => match self.find(path).map(|at| &mut self.nodes[at]) {
                Some(Node::File { now, .. }) => now.extend(bytes),
                _ => panic!("{} is no file", path.display()),
            },
            Operation::Link(path, to) => {
                let link = self.add(Node::Link(to.into()));
                self.change(path, |name| Change::Add(name, link));
            }
            Operation::Rename(from, to) => {
                assert_eq!(from.parent(), to.parent(), "the order in two folders is not known");
                let to = name(to);
                self.change(from, |from| Change::Rename(from, to));
            }
            Operation::Remove(path) => self.change(path, Change::Remove),
            Operation::Sync(path) => {
                let node = self.find(path);
                self.sync(node.unwrap_or_else(|| panic!("{} is synced", path.display())));
            }
        }
    }

    /// What programs see now.
    pub(super) fn now(&self) -> Tree {
        let folders = self.nodes.iter().map(|node| match node {
            Node::Folder { since, .. } => since.len(),
            _ => 0,
        });
        self.tree(&folders.collect::<Vec<_>>(), Contents::All)
    }

    /// All that the disk may hold if the power fails now.
    pub(super) fn after_cut(&self) -> BTreeSet<Tree> {
        let mut choices = vec![Vec::new()];
        for node in &self.nodes {
            let most = match node {
                Node::Folder { since, .. } => since.len(),
                _ => 0,
            };
            let with = |choice: Vec<usize>| (0..=most).map(move |n| [&choice[..], &[n]].concat());
            choices = choices.into_iter().flat_map(with).collect();
        }
        let all = [Contents::None, Contents::Half, Contents::All];
        let tree = |choice: &Vec<usize>| all.map(|contents| self.tree(choice, contents));
        choices.iter().flat_map(tree).collect()
    }

    /// The tree with so many changes of each folder.
    fn tree(&self, changes: &[usize], contents: Contents) -> Tree {
        let mut tree = Tree::new();
        let mut pending = vec![(PathBuf::new(), ROOT)];
        while let Some((path, at)) = pending.pop() {
            let item = match &self.nodes[at] {
                Node::Folder { synced, since } => {
                    let mut names = synced.clone();
                    since[..changes[at]].iter().for_each(|change| change.apply(&mut names));
                    pending.extend(names.into_iter().map(|(name, node)| (path.join(name), node)));
                    Item::Folder
                }
                Node::File { now, synced } => Item::File(match contents {
                    _ if now == synced => now.clone(),
                    Contents::None => synced.clone(),
                    Contents::Half => now[..now.len() / 2].to_vec(),
                    Contents::All => now.clone(),
                }),
                Node::Link(to) => Item::Link(to.clone()),
            };
            tree.insert(path, item);
        }
        tree
    }

    fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// What is at a path, as programs see it.
    fn find(&self, path: &Path) -> Option<usize> {
        path.iter().try_fold(ROOT, |at, name| match &self.nodes[at] {
            Node::Folder { synced, since } => {
                let mut names = synced.clone();
                since.iter().for_each(|change| change.apply(&mut names));
                names.get(name.to_str()?).copied()
            }
            _ => None,
        })
    }

    /// Changes the names in the folder of a path.
    fn change(&mut self, path: &Path, change: impl FnOnce(String) -> Change) {
        let folder = path.parent().and_then(|folder| self.find(folder));
        match folder.map(|folder| &mut self.nodes[folder]) {
            Some(Node::Folder { since, .. }) => since.push(change(name(path))),
            _ => panic!("{} is in no folder", path.display()),
        }
    }

    fn sync(&mut self, node: usize) {
        match &mut self.nodes[node] {
            Node::File { now, synced } => synced.clone_from(now),
            Node::Folder { synced, since } => {
                since.drain(..).for_each(|change| change.apply(synced));
            }
            // It comes with its name.
            Node::Link(_) => {}
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned()
}
