//! Pages for hardware controllers, eight knobs each (CLAP).

use nice_plug::prelude::*;

use crate::params::SoloistParams;

/// Adds all pages: what is used most first.
pub fn add_remote_controls(params: &SoloistParams, context: &mut impl RemoteControlsContext) {
    context.add_section("Soloist", |section| {
        section.add_page("Main", |page| {
            page.add_param(&params.instrument);
            page.add_param(&params.mode);
            page.add_param(&params.mix);
            page.add_param(&params.focus);
            page.add_param(&params.output_gain);
            page.add_param(&params.late_policy);
            page.add_param(&params.latency);
            page.add_param(&params.bypass);
        });
    });
    context.add_section("Remix", |section| {
        section.add_page("Gains", |page| {
            params.stems().iter().for_each(|stem| page.add_param(&stem.gain));
        });
        section.add_page("Solos", |page| {
            params.stems().iter().for_each(|stem| page.add_param(&stem.solo));
        });
        section.add_page("Mutes", |page| {
            params.stems().iter().for_each(|stem| page.add_param(&stem.mute));
        });
    });
}
