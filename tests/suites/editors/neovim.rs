// SPDX-License-Identifier: GPL-2.0
//! A real client: Neovim, which runs without a terminal and is driven by keys.

use kps_tests::schedule::{Case, Failed};
use kps_tests::world::World;
use kps_tests::{cases, kpsc, miniature, pages, repository};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(super) fn cases() -> Vec<Case> {
    cases![a_mistake_is_shown_moves_and_is_repaired_in_neovim.about(5)]
}

/// A state that has not come by then does not come.
const LIMIT: Duration = Duration::from_secs(60);

/// Neovim with a spec, ended when it is dropped.
struct Neovim {
    child: Child,
    socket: PathBuf,
}

impl Drop for Neovim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Neovim {
    /// Starts it with a spec and a file of settings.
    fn start(world: &World, spec: &str, settings: &Path) -> Result<Neovim, Failed> {
        let socket = world.temporary().join("neovim");
        let mut command = Command::new("nvim");
        command.args(["-n", "--headless", "--listen"]).arg(&socket).arg("-u").arg(settings);
        command.arg(world.work().join(spec));
        command.env("KPSC_CACHE", world.cache());
        // Nothing of the user's counts, and nothing is left there.
        for folder in
            ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"]
        {
            command.env(folder, world.temporary());
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn();
        let child = child
            .map_err(|_| Failed::from("nvim is missing: install Debian's package `neovim`"))?;
        Ok(Neovim { child, socket })
    }

    fn remote(&self, words: [&str; 2]) -> String {
        let output = Command::new("nvim").arg("--server").arg(&self.socket).args(words).output();
        let output = output.unwrap_or_else(|error| panic!("{error}"));
        kps_tests::printed(&output).trim().to_owned()
    }

    /// Types keys.
    fn keys(&self, keys: &str) {
        self.remote(["--remote-send", keys]);
    }

    /// The value of an expression in Lua.
    fn value(&self, lua: &str) -> String {
        self.remote(["--remote-expr", &format!("luaeval(\"{lua}\")")])
    }

    /// Waits for a value.
    fn wait(&self, lua: &str, wanted: &str) {
        let start = Instant::now();
        let mut value = String::new();
        while start.elapsed() < LIMIT {
            value = self.value(lua);
            if value == wanted {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{lua} is {value}, and {wanted} was awaited");
    }
}

/// The settings that the page shows, and the parser that it compiles, with the paths of this
/// repository.
fn settings(world: &World) -> PathBuf {
    let page = pages::read("docs/editors.md");
    let parser = world.temporary().join("kps.so").display().to_string();
    let is_compiler = |line: &&str| line.starts_with("cc ");
    let compile = page.lines().find(is_compiler).unwrap_or_else(|| panic!("no compiler"));
    let words = compile.split_whitespace().skip(1);
    let words = words.map(|word| if word == "editors/kps.so" { &parser } else { word });
    miniature::compile(miniature::compiler().args(words).current_dir(repository()));

    let block = pages::block("docs/editors.md", |block| block.text.contains("require('kps')"));
    let program = kpsc().get_program().to_string_lossy().into_owned();
    let text = [
        ("~/kpsc/target/release/kpsc", program.as_str()),
        ("~/kpsc/editors/kps.so", &parser),
        ("~/kpsc", &repository().display().to_string()),
    ];
    let text = text.into_iter().fold(block.text, |text, (from, to)| text.replace(from, to));
    world.write("init.lua", text);
    world.work().join("init.lua")
}

/// The codes and lines of what is shown, as Lua.
const SHOWN: &str = "table.concat(vim.tbl_map(function(d) \
                     return d.code .. ':' .. d.lnum end, vim.diagnostic.get(0)), ' ')";

fn a_mistake_is_shown_moves_and_is_repaired_in_neovim() -> Result<(), Failed> {
    let world = World::default();
    let text = "patch fix {\n    license \"GPL\";\n    object vmlinux {\n        \
                fn cmdline_proc_shw {\n            pre { }\n        }\n    }\n}\n";
    world.write("spec.kps", text);
    let neovim = Neovim::start(&world, "spec.kps", &settings(&world))?;

    neovim.wait(SHOWN, "KPS0201:3");
    neovim.keys("ggO// a line more<Esc>");
    neovim.wait(SHOWN, "KPS0201:4");
    neovim.keys("/shw<CR>ea<BS><C-x><C-o>");
    neovim.wait("vim.fn.getline(5)", "fn cmdline_proc_show {");
    neovim.wait(SHOWN, "");

    let highlighter = "tostring(vim.treesitter.highlighter.active[1] ~= nil)";
    assert_eq!(neovim.value(highlighter), "true");
    let tree = "tostring(vim.treesitter.get_parser(0, 'kps'):parse()[1]:root():has_error())";
    assert_eq!(neovim.value(tree), "false");
    Ok(())
}
