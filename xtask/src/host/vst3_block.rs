//! What the VST3 host tells with each block: its buses and its timeline.

// C enumerations are signed on some platforms and unsigned on others.
#![allow(clippy::unnecessary_cast)]

use vst3::Steinberg::Vst::ProcessContext_::StatesAndFlags_ as Flags;
use vst3::Steinberg::Vst::{
    AudioBusBuffers, AudioBusBuffers__type0, ProcessContext, ProcessModes_,
};

use super::{ProcessConfig, RenderMode, TEMPO_BPM, Transport};

pub(super) fn process_mode(mode: RenderMode) -> i32 {
    match mode {
        RenderMode::Realtime => ProcessModes_::kRealtime as i32,
        RenderMode::Offline => ProcessModes_::kOffline as i32,
    }
}

pub(super) fn bus(channels: &mut [*mut f32]) -> AudioBusBuffers {
    AudioBusBuffers {
        numChannels: channels.len() as i32,
        silenceFlags: 0,
        __field0: AudioBusBuffers__type0 { channelBuffers32: channels.as_mut_ptr() },
    }
}

pub(super) fn context_of(transport: Transport, config: &ProcessConfig) -> ProcessContext {
    let beats = |frame: i64| frame as f64 / config.sample_rate_hz * TEMPO_BPM / 60.0;
    // SAFETY: a C struct of numbers, for which zero is a valid value.
    let mut context: ProcessContext = unsafe { std::mem::zeroed() };
    context.sampleRate = config.sample_rate_hz;
    context.projectTimeSamples = transport.frame;
    context.projectTimeMusic = beats(transport.frame);
    context.tempo = TEMPO_BPM;
    context.state = (Flags::kTempoValid | Flags::kProjectTimeMusicValid) as u32;
    if transport.is_playing {
        context.state |= Flags::kPlaying as u32;
    }
    if let Some((begin, end)) = transport.loop_frames {
        context.state |= (Flags::kCycleActive | Flags::kCycleValid) as u32;
        context.cycleStartMusic = beats(begin);
        context.cycleEndMusic = beats(end);
    }
    context
}
