//! The CLAP host, on clack-host.

use std::ffi::CString;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, anyhow, bail};
use clack_extensions::audio_ports::{AudioPortInfoBuffer, PluginAudioPorts};
use clack_extensions::audio_ports_config::{AudioPortsConfigBuffer, PluginAudioPortsConfig};
use clack_extensions::latency::PluginLatency;
use clack_extensions::params::{ParamInfoBuffer, PluginParams};
use clack_extensions::render::{PluginRender, RenderMode as ClapRenderMode};
use clack_extensions::state::PluginState;
use clack_host::events::event_types::ParamValueEvent;
use clack_host::prelude::*;

use super::clap_handlers::{CallLog, Handlers, MainThread, Shared};
use super::{
    Format, HeadlessHost, HostCalls, Parameter, ProcessConfig, RenderMode, check_block, find,
};

/// One CLAP plugin instance in a host without a window.
pub struct ClapHost {
    // Dropped before the instance, which deactivates on drop only when no processor is left.
    active: Option<Active>,
    instance: PluginInstance<Handlers>,
    log: Arc<CallLog>,
    params: PluginParams,
    parameters: Vec<Parameter>,
    pending_events: Vec<ParamValueEvent>,
}

/// What lives from activation to deactivation.
struct Active {
    processor: StartedPluginAudioProcessor<Handlers>,
    config: ProcessConfig,
    inputs: Vec<Vec<f32>>,
    input_ports: AudioPorts,
    output_ports: AudioPorts,
    steady_frame: u64,
}

impl ClapHost {
    /// Loads the first plugin of a `.clap`.
    ///
    /// # Errors
    /// When the file is not a CLAP plugin or the plugin cannot be created.
    pub fn load(path: &Path) -> Result<Self> {
        // SAFETY: loading runs the library's initialisers; it is this project's own plugin, or a
        // copy of it that a test has made.
        let entry = unsafe { PluginEntry::load(path) }
            .map_err(|error| anyhow!("could not load {}: {error}", path.display()))?;
        let factory = entry.get_plugin_factory().context("the CLAP file has no plugin factory")?;
        let descriptor =
            factory.plugin_descriptors().next().context("the CLAP file holds no plugin")?;
        let id = descriptor.id().context("the CLAP plugin has no id")?;

        let info = HostInfo::new("Soloist headless host", "Soloist", "", "1.0.0")?;
        let log = Arc::new(CallLog::default());
        let (shared_log, main_log) = (Arc::clone(&log), Arc::clone(&log));
        let mut instance = PluginInstance::<Handlers>::new(
            move |()| Shared { log: shared_log },
            move |_| MainThread { log: main_log },
            &entry,
            id,
            &info,
        )
        .map_err(|error| anyhow!("the CLAP plugin could not be created: {error}"))?;

        let handle = instance.plugin_handle();
        let params: PluginParams =
            handle.get_extension().context("the CLAP plugin has no parameters")?;
        let parameters = list_parameters(&params, &handle);
        Ok(Self { active: None, instance, log, params, parameters, pending_events: Vec::new() })
    }

    /// Answers `request_callback`, as a host's idle loop would.
    fn idle(&mut self) {
        if self.log.callback_requested.swap(false, Ordering::SeqCst) {
            self.instance.call_on_main_thread_callback();
        }
    }

    fn set_render_mode(&mut self, mode: RenderMode) -> Result<()> {
        let handle = self.instance.plugin_handle();
        let render: PluginRender =
            handle.get_extension().context("the CLAP plugin lacks the render extension")?;
        let mode = match mode {
            RenderMode::Realtime => ClapRenderMode::Realtime,
            RenderMode::Offline => ClapRenderMode::Offline,
        };
        render.set(&handle, mode).map_err(|error| anyhow!("{error}"))
    }

    /// Selects the port configuration with this number of channels on its main ports.
    fn select_channels(&mut self, num_channels: usize) -> Result<()> {
        if self.main_channels()? == num_channels {
            return Ok(());
        }
        let handle = self.instance.plugin_handle();
        if let Some(configs) = handle.get_extension::<PluginAudioPortsConfig>() {
            for index in 0..configs.count(&handle) {
                let mut buffer = AudioPortsConfigBuffer::new();
                let Some(config) = configs.get(&handle, index, &mut buffer) else { continue };
                let is_match = config
                    .main_input
                    .as_ref()
                    .is_some_and(|port| usize::try_from(port.channel_count) == Ok(num_channels));
                if is_match {
                    return configs.select(&handle, config.id).map_err(|error| anyhow!("{error}"));
                }
            }
        }
        bail!("the CLAP plugin has no layout of {num_channels} channels")
    }

    fn main_channels(&mut self) -> Result<usize> {
        let handle = self.instance.plugin_handle();
        let ports: PluginAudioPorts =
            handle.get_extension().context("the CLAP plugin has no audio ports")?;
        let mut buffer = AudioPortInfoBuffer::new();
        let port =
            ports.get(&handle, 0, true, &mut buffer).context("the CLAP plugin has no input")?;
        Ok(usize::try_from(port.channel_count)?)
    }

    fn value(&mut self, name: &str) -> Result<(ClapId, f64)> {
        let id = ClapId::new(find(&self.parameters, name)?.id);
        let value = self.params.get_value(&self.instance.plugin_handle(), id);
        Ok((id, value.with_context(|| format!("the plugin gives no value for `{name}`"))?))
    }

    /// Hands queued parameter changes to an inactive plugin.
    fn flush_inactive(&mut self) {
        let events = std::mem::take(&mut self.pending_events);
        if let Some(mut handle) = self.instance.inactive_plugin_handle() {
            self.params.flush(
                &mut handle,
                &InputEvents::from_buffer(&events),
                &mut OutputEvents::void(),
            );
        }
    }
}

impl HeadlessHost for ClapHost {
    fn format(&self) -> Format {
        Format::Clap
    }

    fn activate(&mut self, config: &ProcessConfig) -> Result<()> {
        self.deactivate();
        self.select_channels(config.num_channels)?;
        self.set_render_mode(config.mode)?;
        let configuration = PluginAudioConfiguration {
            sample_rate: config.sample_rate_hz,
            min_frames_count: 1,
            max_frames_count: u32::try_from(config.max_block_frames)?,
        };
        self.log.activating.store(true, Ordering::SeqCst);
        let stopped = self.instance.activate(|_, _| (), configuration);
        self.log.activating.store(false, Ordering::SeqCst);
        let stopped = stopped.map_err(|error| anyhow!("activation failed: {error}"))?;
        let processor = stopped
            .start_processing()
            .map_err(|_| anyhow!("the CLAP plugin refused to start processing"))?;
        self.active = Some(Active {
            processor,
            config: *config,
            inputs: vec![Vec::with_capacity(config.max_block_frames); config.num_channels],
            input_ports: AudioPorts::with_capacity(config.num_channels, 1),
            output_ports: AudioPorts::with_capacity(config.num_channels, 1),
            steady_frame: 0,
        });
        self.idle();
        Ok(())
    }

    fn deactivate(&mut self) {
        if let Some(active) = self.active.take() {
            self.instance.deactivate(active.processor.stop_processing());
        }
        self.idle();
    }

    fn latency_frames(&mut self) -> usize {
        let handle = self.instance.plugin_handle();
        let extension: Option<PluginLatency> = handle.get_extension();
        extension.map_or(0, |latency| latency.get(&handle) as usize)
    }

    fn parameter_names(&self) -> Vec<String> {
        self.parameters.iter().map(|parameter| parameter.name.clone()).collect()
    }

    fn parameter_text(&mut self, name: &str) -> Result<String> {
        let (id, value) = self.value(name)?;
        let mut buffer = [0_u8; 256];
        let text = self
            .params
            .value_to_text(&self.instance.plugin_handle(), id, value, &mut buffer)
            .map_err(|_| anyhow!("the plugin has no text for `{name}` at {value}"))?;
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    fn set_parameter_at(&mut self, name: &str, text: &str, at_frame: usize) -> Result<()> {
        let id = ClapId::new(find(&self.parameters, name)?.id);
        let value = self
            .params
            .text_to_value(&self.instance.plugin_handle(), id, &CString::new(text)?)
            .with_context(|| format!("`{text}` is no value of the parameter `{name}`"))?;
        let time = u32::try_from(at_frame)?;
        self.pending_events.push(ParamValueEvent::new(time, id, Pckn::match_all(), value));
        if self.active.is_none() {
            self.flush_inactive();
        }
        Ok(())
    }

    fn process(&mut self, channels: &mut [&mut [f32]]) -> Result<()> {
        let active = self.active.as_mut().context("the plugin is not active")?;
        // Events of one block must be in order of time.
        let mut events = std::mem::take(&mut self.pending_events);
        events.sort_by_key(|event| event.header().time());
        let last_change = events.last().map_or(0, |event| event.header().time() as usize);
        let num_frames = check_block(&active.config, channels, last_change)?;
        for (input, channel) in active.inputs.iter_mut().zip(channels.iter()) {
            input.clear();
            input.extend_from_slice(channel);
        }
        let inputs = active.input_ports.with_input_buffers([AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_input_only(
                active.inputs.iter_mut().map(InputChannel::variable),
            ),
        }]);
        let mut outputs = active.output_ports.with_output_buffers([AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_output_only(
                channels.iter_mut().map(|channel| &mut **channel),
            ),
        }]);
        active
            .processor
            .process(
                &inputs,
                &mut outputs,
                &InputEvents::from_buffer(&events),
                &mut OutputEvents::void(),
                Some(active.steady_frame),
                None,
            )
            .map_err(|error| anyhow!("the CLAP plugin failed in process: {error}"))?;
        active.steady_frame += num_frames as u64;
        self.idle();
        Ok(())
    }

    fn save_state(&mut self) -> Result<Vec<u8>> {
        let handle = self.instance.plugin_handle();
        let extension: PluginState =
            handle.get_extension().context("the CLAP plugin saves no state")?;
        let mut state = Vec::new();
        extension.save(&handle, &mut state).map_err(|error| anyhow!("{error}"))?;
        Ok(state)
    }

    fn load_state(&mut self, mut state: &[u8]) -> Result<()> {
        let handle = self.instance.plugin_handle();
        let extension: PluginState =
            handle.get_extension().context("the CLAP plugin loads no state")?;
        extension.load(&handle, &mut state).map_err(|error| anyhow!("{error}"))?;
        self.idle();
        Ok(())
    }

    fn calls(&self) -> HostCalls {
        self.log.calls()
    }
}

impl Drop for ClapHost {
    fn drop(&mut self) {
        self.deactivate();
    }
}

fn list_parameters(params: &PluginParams, handle: &PluginMainThreadHandle) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    for index in 0..params.count(handle) {
        let mut buffer = ParamInfoBuffer::new();
        if let Some(info) = params.get_info(handle, index, &mut buffer) {
            let name = String::from_utf8_lossy(info.name).into_owned();
            parameters.push(Parameter { id: info.id.get(), name });
        }
    }
    parameters
}
