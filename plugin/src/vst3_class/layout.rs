//! Which buses a host may ask for.

use nice_plug::prelude::AudioIOLayout;
use vst3::Steinberg::Vst::SpeakerArrangement;
use vst3::Steinberg::int32;

/// Whether a layout has exactly the buses that a host asks for.
///
/// # Safety
/// Both pointers are null or point to as many arrangements as the numbers say.
pub unsafe fn is_layout(
    layout: &AudioIOLayout,
    inputs: (*const SpeakerArrangement, int32),
    outputs: (*const SpeakerArrangement, int32),
) -> bool {
    let counts = |main: Option<std::num::NonZeroU32>, aux: &'static [std::num::NonZeroU32]| {
        main.into_iter().chain(aux.iter().copied()).map(std::num::NonZeroU32::get)
    };
    let asked = |(buses, count): (*const SpeakerArrangement, int32)| {
        let count = if buses.is_null() { 0 } else { count.max(0) as usize };
        // SAFETY: by this function's contract.
        (0..count).map(move |index| unsafe { (*buses.add(index)).count_ones() })
    };
    counts(layout.main_input_channels, layout.aux_input_ports).eq(asked(inputs))
        && counts(layout.main_output_channels, layout.aux_output_ports).eq(asked(outputs))
}
