//! The CLAP host's window, by the gui extension.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use clack_extensions::gui::{
    GuiApiType, GuiConfiguration, GuiSize, HostGuiImpl, PluginGui, Window as ClapWindow,
};
use clack_host::events::spaces::CoreEventSpace;
use clack_host::prelude::*;

use super::clap::ClapHost;
use super::clap_handlers::{CallLog, Handlers, Shared};
use super::editor::{AudioSide, EditorHost, Edits, Size};

const CONFIGURATION: GuiConfiguration<'static> =
    GuiConfiguration { api_type: GuiApiType::X11, is_floating: false };

impl HostGuiImpl for Shared {
    fn resize_hints_changed(&self) {}

    fn request_resize(&self, _size: GuiSize) -> Result<(), HostError> {
        // The window is larger than any editor in it: there is nothing to do.
        Ok(())
    }

    fn request_show(&self) -> Result<(), HostError> {
        Err(HostError::Message("the host decides when the editor is shown"))
    }

    fn request_hide(&self) -> Result<(), HostError> {
        Err(HostError::Message("the host decides when the editor is shown"))
    }

    fn closed(&self, _was_destroyed: bool) {}
}

impl ClapHost {
    fn gui(&mut self) -> Result<PluginGui> {
        self.instance.plugin_handle().get_extension().context("the CLAP plugin has no editor")
    }
}

impl EditorHost for ClapHost {
    fn open_editor(&mut self, parent: u32) -> Result<Size> {
        let gui = self.gui()?;
        let handle = self.instance.plugin_handle();
        if !gui.is_api_supported(&handle, CONFIGURATION) {
            bail!("the CLAP plugin's editor cannot live in an X11 window");
        }
        gui.create(&handle, CONFIGURATION).map_err(|error| anyhow!("{error}"))?;
        let window = ClapWindow::from_x11_handle(parent.into());
        // SAFETY: the window outlives the editor: who opened it closes the editor first.
        let attached = unsafe { gui.set_parent(&handle, window) };
        let shown = attached.and_then(|()| gui.show(&handle));
        if let Err(error) = shown {
            gui.destroy(&handle);
            bail!("the CLAP plugin's editor does not open: {error}");
        }
        self.has_editor = true;
        let size =
            gui.get_size(&self.instance.plugin_handle()).context("the editor has no size")?;
        Ok((size.width, size.height))
    }

    fn resize_editor(&mut self, (width, height): Size) -> Result<Size> {
        let gui = self.gui()?;
        let handle = self.instance.plugin_handle();
        if !gui.can_resize(&handle) {
            bail!("the CLAP plugin's editor cannot be resized");
        }
        let size = gui
            .adjust_size(&handle, GuiSize { width, height })
            .context("the CLAP plugin's editor knows no such size")?;
        gui.set_size(&handle, size).map_err(|error| anyhow!("{error}"))?;
        Ok((size.width, size.height))
    }

    fn close_editor(&mut self) {
        if std::mem::take(&mut self.has_editor)
            && let Ok(gui) = self.gui()
        {
            gui.destroy(&self.instance.plugin_handle());
        }
    }

    fn idle(&mut self) {
        self.answer_callback();
    }

    fn edits(&self) -> Edits {
        let count = |counter: &std::sync::atomic::AtomicUsize| counter.load(Ordering::SeqCst);
        let [begun, performed, ended] = self.log.edits.each_ref().map(count);
        Edits { begun, performed, ended }
    }

    fn take_audio(&mut self) -> Result<Box<dyn AudioSide>> {
        let active = self.active.take().context("the plugin is not active")?;
        let max_frames = active.config.max_block_frames;
        Ok(Box::new(ClapAudio {
            processor: active.processor,
            inputs: [Vec::with_capacity(max_frames), Vec::with_capacity(max_frames)],
            input_ports: AudioPorts::with_capacity(2, 1),
            output_ports: AudioPorts::with_capacity(2, 1),
            steady_frame: active.steady_frame,
            log: Arc::clone(&self.log),
        }))
    }
}

/// What an audio thread needs of a CLAP plugin.
struct ClapAudio {
    processor: StartedPluginAudioProcessor<Handlers>,
    inputs: [Vec<f32>; 2],
    input_ports: AudioPorts,
    output_ports: AudioPorts,
    steady_frame: u64,
    log: Arc<CallLog>,
}

impl AudioSide for ClapAudio {
    fn process(&mut self, channels: &mut [Vec<f32>; 2]) -> Result<Duration> {
        let num_frames = channels[0].len() as u64;
        for (input, channel) in self.inputs.iter_mut().zip(channels.iter()) {
            input.clone_from(channel);
        }
        let inputs = self.input_ports.with_input_buffers([AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_input_only(
                self.inputs.iter_mut().map(InputChannel::variable),
            ),
        }]);
        let mut outputs = self.output_ports.with_output_buffers([AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_output_only(
                channels.iter_mut().map(Vec::as_mut_slice),
            ),
        }]);
        let mut sent = EventBuffer::new();
        let begin = Instant::now();
        self.processor
            .process(
                &inputs,
                &mut outputs,
                &InputEvents::empty(),
                &mut sent.as_output(),
                Some(self.steady_frame),
                None,
            )
            .map_err(|error| anyhow!("the CLAP plugin failed in process: {error}"))?;
        let duration = begin.elapsed();
        self.steady_frame += num_frames;
        self.log.count_edits(sent.iter());
        Ok(duration)
    }
}

impl CallLog {
    /// Counts what the plugin says of gestures and of the values that are set inside of one. Values
    /// outside of gestures are its meters'.
    fn count_edits<'a>(&self, events: impl Iterator<Item = &'a UnknownEvent>) {
        for event in events {
            let kind = match event.as_core_event() {
                Some(CoreEventSpace::ParamGestureBegin(_)) => 0,
                Some(CoreEventSpace::ParamValue(_)) if self.is_in_gesture() => 1,
                Some(CoreEventSpace::ParamGestureEnd(_)) => 2,
                _ => continue,
            };
            self.edits[kind].fetch_add(1, Ordering::SeqCst);
        }
    }

    fn is_in_gesture(&self) -> bool {
        self.edits[0].load(Ordering::SeqCst) > self.edits[2].load(Ordering::SeqCst)
    }
}
