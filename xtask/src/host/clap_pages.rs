//! The pages that a CLAP plugin offers for hardware controllers.

use anyhow::{Context, Result};
use clack_extensions::remote_controls::{PluginRemoteControls, RemoteControlsPageBuffer};
use clack_host::prelude::*;

use super::Parameter;

/// A page of eight knobs: its name and the parameters on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemotePage {
    /// Name of the section, then of the page.
    pub name: (String, String),
    /// Names of the parameters, in order.
    pub parameters: Vec<String>,
}

pub(super) fn remote_pages(
    handle: &PluginMainThreadHandle<'_>,
    parameters: &[Parameter],
) -> Result<Vec<RemotePage>> {
    let remote: PluginRemoteControls =
        handle.get_extension().context("the CLAP plugin has no remote controls")?;
    let mut pages = Vec::new();
    for index in 0..remote.count(handle) {
        let mut buffer = RemoteControlsPageBuffer::new();
        let page = remote.get(handle, index, &mut buffer).context("a page is missing")?;
        let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let name_of = |id: ClapId| {
            let known = parameters.iter().find(|parameter| parameter.id == id.get());
            known.map(|parameter| parameter.name.clone()).context("an unknown parameter")
        };
        pages.push(RemotePage {
            name: (words(page.section_name), words(page.page_name)),
            parameters: page
                .param_ids
                .iter()
                .flatten()
                .map(|id| name_of(*id))
                .collect::<Result<_>>()?,
        });
    }
    Ok(pages)
}
