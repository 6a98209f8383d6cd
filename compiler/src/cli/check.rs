//! `kpsc check`.

use super::{compile, open_target, read_spec, report, running, say, CommandResult, TargetArgs};
use crate::series;
use crate::target::Cache;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The .kps files; several are patches in the order in which they are loaded.
    #[arg(value_name = "SPEC", required = true)]
    specs: Vec<PathBuf>,
    #[command(flatten)]
    target: TargetArgs,
    /// Say whether the kernel that runs would take each of the files, which may be modules too.
    #[arg(long, conflicts_with = "kernel")]
    running: bool,
}

impl Check {
    /// Whether a spec is among the files.
    pub(super) fn compiles(&self) -> bool {
        !self.running || self.specs.iter().any(|file| running::is_spec(file))
    }

    pub(super) fn run(self) -> CommandResult {
        if self.running {
            return running::check(&self.specs);
        }
        let sources = self.specs.iter().map(|spec| read_spec(spec)).collect::<Result<Vec<_>, _>>()?;
        let cache = Cache::open()?;
        let target = open_target(&cache, self.target.kernel.as_deref())?;
        let mut code = 0;
        let mut series = Vec::new();
        for source in sources {
            match compile(source, &target, &cache)? {
                Ok(compiled) => series.push(compiled),
                Err(wrong) => code = code.max(wrong),
            }
        }
        let mut loaded = Vec::new();
        for patch in &series {
            let wrong = series::check(&loaded, &patch.outline);
            code = code.max(report(&wrong, Some(&patch.sources)));
            if wrong.is_empty() {
                series::way_back(&loaded, &patch.outline).into_iter().for_each(say);
            }
            loaded = series::load(loaded, &patch.outline);
        }
        Ok(code)
    }
}
