// SPDX-License-Identifier: GPL-2.0
//! Properties: what `fuzz/` looks for breaks of holds for its seeds, and for mutations of them that
//! are the same every time.

use kps_tests::properties::{Target, TARGETS};
use kps_tests::repository;
use kps_tests::schedule::{Case, Failed};
use std::collections::BTreeSet;
use std::path::Path;

/// How many mutations of all seeds of a target together.
const MUTATIONS: usize = 2000;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![Case::new("every_target_has_what_it_needs", is_complete)];
    for target in TARGETS {
        cases.push(Case::new(format!("{}_holds_for_its_seeds", target.name), || hold(target)));
        cases.push(
            Case::new(format!("{}_holds_for_mutations", target.name), || hold_mutated(target))
                .about(5),
        );
    }
    for target in TARGETS.iter().filter(|target| target.name == "spec") {
        cases.push(Case::new("spec_holds_for_other_spacing", || hold_spaced(target)).about(5));
    }
    cases
}

/// Every property has a fuzz target and seeds, and nothing is there for a property that is gone.
fn is_complete() -> Result<(), Failed> {
    let fuzz = repository().join("fuzz");
    let properties: BTreeSet<String> =
        TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let programs = names(&fuzz.join("fuzz_targets"))?;
    let programs: BTreeSet<String> = programs.iter().map(|name| name.replace(".rs", "")).collect();
    let manifest: toml::Table = std::fs::read_to_string(fuzz.join("Cargo.toml"))?.parse()?;
    let binaries = manifest.get("bin").and_then(toml::Value::as_array).into_iter().flatten();
    let binaries: BTreeSet<String> =
        binaries.filter_map(|bin| Some(bin.get("name")?.as_str()?.to_owned())).collect();
    for (what, names) in [
        ("fuzz_targets", programs),
        ("Cargo.toml", binaries),
        ("seeds", names(&fuzz.join("seeds"))?),
    ] {
        if names != properties {
            return Err(format!("fuzz/{what} has {names:?}, and there are {properties:?}").into());
        }
    }
    if let Some(name) = names(&fuzz.join("dict"))?.difference(&properties).next() {
        return Err(format!("fuzz/dict/{name} is for no target").into());
    }
    Ok(())
}

fn hold(target: &Target) -> Result<(), Failed> {
    for (name, seed) in seeds(target)? {
        hold_for(target, &seed, &name)?;
    }
    Ok(())
}

fn hold_mutated(target: &Target) -> Result<(), Failed> {
    let seeds = seeds(target)?;
    for n in 0..MUTATIONS {
        let (name, seed) = &seeds[n % seeds.len()];
        let mut numbers = Numbers(n as u64);
        let (_, other) = &seeds[numbers.below(seeds.len())];
        let bytes = mutate(seed, other, &mut numbers);
        hold_for(target, &bytes, &format!("mutation {n}, of {name},"))?;
    }
    Ok(())
}

/// Specs whose tokens are the same, mostly, and whose white space and comments are not: for their
/// layout.
fn hold_spaced(target: &Target) -> Result<(), Failed> {
    const SPACES: [&str; 9] =
        [" ", "  ", "\t", "\n", "\n\n\n", "/* c */", " // c\n", "/*\n c */", "   // c\n\n"];
    const ROUNDS: usize = 12;
    for (name, seed) in seeds(target)? {
        for round in 0..ROUNDS {
            let mut numbers = Numbers((round * seed.len()) as u64);
            // From a few places to every other one.
            let rarity = 2 + 4 * round;
            let mut bytes = Vec::new();
            for &byte in &seed {
                if b" \n{}();:,=".contains(&byte) && numbers.below(rarity) == 0 {
                    bytes.extend(SPACES[numbers.below(SPACES.len())].as_bytes());
                }
                if byte != b'\n' || numbers.below(rarity) != 0 {
                    bytes.push(byte);
                }
            }
            hold_for(target, &bytes, &format!("{name} with other spaces, round {round},"))?;
        }
    }
    Ok(())
}

/// Runs a property; what breaks it is kept where it can be looked at.
fn hold_for(target: &Target, bytes: &[u8], name: &str) -> Result<(), Failed> {
    let result = std::panic::catch_unwind(|| (target.holds)(bytes));
    result.map_err(|_| {
        let kept = std::env::temp_dir().join(format!("kps-{}-broken", target.name));
        match std::fs::write(&kept, bytes) {
            Ok(()) => format!("{name} breaks {}: see {}", target.name, kept.display()).into(),
            Err(error) => {
                format!("{name} breaks {}; it cannot be kept: {error}", target.name).into()
            }
        }
    })
}

fn seeds(target: &Target) -> Result<Vec<(String, Vec<u8>)>, Failed> {
    let folder = repository().join("fuzz/seeds").join(target.name);
    let mut seeds = Vec::new();
    for name in names(&folder)? {
        let seed = std::fs::read(folder.join(&name))?;
        seeds.push((name, seed));
    }
    if seeds.is_empty() {
        return Err(format!("{} is empty", folder.display()).into());
    }
    Ok(seeds)
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Result<BTreeSet<String>, Failed> {
    let entries =
        std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

/// A few changes of the kinds that break readers: a bit, a byte, a length, a piece that is gone or
/// there twice, and a piece of another seed.
fn mutate(seed: &[u8], other: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    const LENGTHS: [u64; 8] = [0, 1, 0x7f, 0xff, 0xffff, 0x8000_0000, 0xffff_ffff, u64::MAX];
    let mut bytes = seed.to_vec();
    for _ in 0..=numbers.below(4) {
        if bytes.is_empty() {
            return other.to_vec();
        }
        let at = numbers.below(bytes.len());
        let end = (at + 1 + numbers.below(32)).min(bytes.len());
        match numbers.below(6) {
            0 => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes[at] = numbers.below(256) as u8,
            2 => {
                let length = LENGTHS[numbers.below(LENGTHS.len())].to_le_bytes();
                let end = (at + [1, 2, 4, 8][numbers.below(4)]).min(bytes.len());
                bytes[at..end].copy_from_slice(&length[..end - at]);
            }
            3 => {
                bytes.drain(at..end);
            }
            4 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let from = numbers.below(other.len().max(1));
                let piece = other[from..].iter().copied().take(end - at);
                bytes.splice(at..end, piece);
            }
        }
    }
    bytes
}

/// Numbers that look random and are not: each is made from how many there were before, by
/// SplitMix64.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % bound as u64) as usize
    }
}
