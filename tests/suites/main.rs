// SPDX-License-Identifier: GPL-2.0
//! Every suite in one program: it is linked once, and one schedule runs the cases of all.

mod architecture;
mod bench;
mod boot;
mod btf;
mod build;
mod cache;
mod claims;
mod cli;
mod convert;
mod crates;
mod data;
mod docs;
mod draw;
mod dwarf;
mod editors;
mod entries;
mod examples;
mod fields;
mod fixes;
mod fleet;
mod foreign;
mod hangs;
mod hygiene;
mod image;
mod import;
mod input;
mod inspect;
mod killed;
mod machines;
mod macros;
mod modules;
mod operate;
mod post_link;
mod preflight;
mod properties;
mod provoked;
mod reader;
mod roles;
mod running;
mod selftests;
mod series;
mod signing;
mod store;
mod sweep;
mod targets;
mod template;
mod tools;
mod tracers;
mod ui;
mod verdict;
mod vm;
mod walls;

use kps_tests::schedule::{self, Suite};
use std::process::ExitCode;

const SUITES: &[Suite] = &[
    Suite::new("architecture", architecture::cases),
    Suite::new("bench", bench::cases),
    Suite::new("boot", boot::cases),
    Suite::new("btf", btf::cases),
    Suite::new("build", build::cases),
    Suite::new("cache", cache::cases),
    Suite::new("claims", claims::cases),
    Suite::new("cli", cli::cases),
    Suite::new("convert", convert::cases),
    Suite::new("crates", crates::cases),
    Suite::new("data", data::cases),
    Suite::new("docs", docs::cases),
    Suite::new("draw", draw::cases),
    Suite::new("dwarf", dwarf::cases),
    Suite::new("editors", editors::cases),
    Suite::new("entries", entries::cases),
    Suite::new("examples", examples::cases),
    Suite::new("fields", fields::cases),
    Suite::new("fixes", fixes::cases),
    Suite::new("fleet", fleet::cases),
    Suite::new("foreign", foreign::cases),
    Suite::new("hangs", hangs::cases),
    Suite::new("hygiene", hygiene::cases),
    Suite::new("image", image::cases),
    Suite::new("import", import::cases),
    Suite::new("input", input::cases),
    Suite::new("inspect", inspect::cases),
    Suite::new("killed", killed::cases),
    Suite::new("machines", machines::cases),
    Suite::new("macros", macros::cases),
    Suite::new("modules", modules::cases),
    Suite::new("operate", operate::cases),
    Suite::new("post_link", post_link::cases),
    Suite::new("preflight", preflight::cases),
    Suite::new("properties", properties::cases),
    Suite::new("provoked", provoked::cases),
    Suite::new("reader", reader::cases),
    Suite::new("roles", roles::cases),
    Suite::new("running", running::cases),
    Suite::new("selftests", selftests::cases),
    Suite::new("series", series::cases),
    Suite::new("signing", signing::cases),
    Suite::new("store", store::cases),
    Suite::new("sweep", sweep::cases),
    Suite::new("targets", targets::cases).entered_by(targets::enter_namespace),
    Suite::new("template", template::cases),
    Suite::new("tools", tools::cases),
    Suite::new("tracers", tracers::cases),
    Suite::new("ui", ui::cases),
    Suite::new("verdict", verdict::cases),
    Suite::new("vm", vm::cases),
    Suite::new("walls", walls::cases),
];

fn main() -> ExitCode {
    schedule::main(SUITES, std::env::args().skip(1))
}
