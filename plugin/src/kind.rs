//! What tells the plugins of this library apart: names, identifiers and buses.

use nice_plug::prelude::*;

use crate::ids;

/// One of the plugins. All else is the same for each.
pub trait Kind: Send + 'static {
    /// Name that hosts show.
    const NAME: &'static str;
    /// CLAP identifier.
    const CLAP_ID: &'static str;
    /// VST3 class identifier.
    const VST3_CLASS_ID: [u8; 16];
    /// What it does, in a few words.
    const DESCRIPTION: &'static str;
    /// Buses that it can have, the default first.
    const LAYOUTS: &'static [AudioIOLayout];
}

/// One instrument, or a mix of them, on the track's own channels.
pub struct Single;

impl Kind for Single {
    const NAME: &'static str = "Soloist";
    const CLAP_ID: &'static str = ids::CLAP_ID;
    const VST3_CLASS_ID: [u8; 16] = ids::VST3_CLASS_ID;
    const DESCRIPTION: &'static str = "Lifts one instrument out of a full mix";
    const LAYOUTS: &'static [AudioIOLayout] = &[
        layout("Stereo", 2, 2, &[]),
        layout("Mono", 1, 1, &[]),
        layout("Mono to Stereo", 1, 2, &[]),
    ];
}

/// The same, and every stem on a bus of its own.
pub struct Multi;

impl Kind for Multi {
    const NAME: &'static str = "Soloist Multi";
    const CLAP_ID: &'static str = ids::MULTI_CLAP_ID;
    const VST3_CLASS_ID: [u8; 16] = ids::MULTI_VST3_CLASS_ID;
    const DESCRIPTION: &'static str = "Takes a full mix apart, each instrument to its own output";
    const LAYOUTS: &'static [AudioIOLayout] =
        &[layout("Stereo", 2, 2, &[STEREO; 6]), layout("Mono to Stereo", 1, 2, &[STEREO; 6])];
}

const STEREO: NonZeroU32 = new_nonzero_u32(2);

/// Names of the stems' buses, in the order of the library's `Instrument::ALL`.
const STEM_NAMES: &[&str] = &["Vocals", "Drums", "Bass", "Guitar", "Piano", "Other"];

const fn layout(
    name: &'static str,
    inputs: u32,
    outputs: u32,
    stems: &'static [NonZeroU32],
) -> AudioIOLayout {
    AudioIOLayout {
        main_input_channels: NonZeroU32::new(inputs),
        main_output_channels: NonZeroU32::new(outputs),
        aux_input_ports: &[],
        aux_output_ports: stems,
        names: PortNames {
            layout: Some(name),
            aux_outputs: STEM_NAMES,
            ..PortNames::const_default()
        },
    }
}

#[cfg(test)]
mod tests {
    use soloist::model::Instrument;

    use super::*;

    #[test]
    fn identifiers_stand_as_released() {
        assert_eq!(Single::CLAP_ID, "audio.soloist.soloist");
        assert_eq!(Single::VST3_CLASS_ID, *b"SoloistSeparator");
        assert_eq!(Multi::CLAP_ID, "audio.soloist.soloist-multi");
        assert_eq!(Multi::VST3_CLASS_ID, *b"SoloistMultiStem");
    }

    #[test]
    fn every_stem_has_a_bus_of_its_name() {
        for (index, instrument) in Instrument::ALL.into_iter().enumerate() {
            assert!(STEM_NAMES[index].eq_ignore_ascii_case(instrument.name()));
        }
        for layout in Multi::LAYOUTS {
            assert_eq!(layout.aux_output_ports.len(), Instrument::ALL.len());
        }
    }
}
