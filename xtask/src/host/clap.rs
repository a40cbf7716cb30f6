//! The CLAP host, on clack-host.

use std::ffi::CString;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, anyhow, bail};
use clack_extensions::audio_ports::{AudioPortInfoBuffer, PluginAudioPorts};
use clack_extensions::audio_ports_config::{
    AudioPortsConfigBuffer, MainPortInfo, PluginAudioPortsConfig,
};
use clack_extensions::latency::PluginLatency;
use clack_extensions::params::{ParamInfoBuffer, ParamInfoFlags, PluginParams};
use clack_extensions::render::{PluginRender, RenderMode as ClapRenderMode};
use clack_extensions::state::PluginState;
use clack_extensions::tail::{PluginTail, TailLength};
use clack_host::events::spaces::CoreEventSpace;
use clack_host::prelude::*;
use clap_sys::audio_buffer::clap_audio_buffer;

use super::clap_events::{PendingEvent, in_order_of_time, transport_event};
use super::clap_handlers::{CallLog, Handlers, MainThread, Shared};
use super::clap_pages::{RemotePage, remote_pages};
use super::{
    Format, HeadlessHost, HostCalls, Parameter, ProcessConfig, Product, RenderMode, StemBus,
    Transport, check_block, find,
};

/// One CLAP plugin instance in a host without a window.
pub struct ClapHost {
    // Dropped before the instance, which deactivates on drop only when no processor is left.
    pub(super) active: Option<Active>,
    pub(super) instance: PluginInstance<Handlers>,
    pub(super) log: Arc<CallLog>,
    #[cfg(target_os = "linux")]
    pub(super) has_editor: bool,
    params: PluginParams,
    parameters: Vec<Parameter>,
    pending_events: Vec<PendingEvent>,
    transport: Option<Transport>,
    is_careless: bool,
    silent_outputs: Vec<bool>,
    values_sent: usize,
}

/// What lives from activation to deactivation.
pub(super) struct Active {
    pub(super) processor: StartedPluginAudioProcessor<Handlers>,
    pub(super) config: ProcessConfig,
    inputs: Vec<Vec<f32>>,
    input_ports: AudioPorts,
    output_ports: AudioPorts,
    pub(super) steady_frame: u64,
}

impl ClapHost {
    /// Loads a plugin of a `.clap`.
    ///
    /// # Errors
    /// When the file is not a CLAP plugin or the plugin cannot be created.
    pub fn load(path: &Path, product: Product) -> Result<Self> {
        // SAFETY: loading runs the library's initialisers; it is this project's own plugin, or a
        // copy of it that a test has made.
        let entry = unsafe { PluginEntry::load(path) }
            .map_err(|error| anyhow!("could not load {}: {error}", path.display()))?;
        let factory = entry.get_plugin_factory().context("the CLAP file has no plugin factory")?;
        let descriptor = factory
            .plugin_descriptors()
            .find(|plugin| {
                plugin.name().is_some_and(|name| name.to_bytes() == product.name().as_bytes())
            })
            .with_context(|| format!("the CLAP file holds no {}", product.name()))?;
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
        Ok(Self {
            active: None,
            instance,
            log,
            #[cfg(target_os = "linux")]
            has_editor: false,
            params,
            parameters,
            pending_events: Vec::new(),
            transport: None,
            is_careless: false,
            silent_outputs: Vec::new(),
            values_sent: 0,
        })
    }

    /// Answers `request_callback`, as a host's idle loop would.
    pub(super) fn answer_callback(&mut self) {
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

    /// Selects the port configuration with these channels on its main ports.
    fn select_channels(&mut self, num_inputs: usize, num_outputs: usize) -> Result<()> {
        if (self.main_channels(true)?, self.main_channels(false)?) == (num_inputs, num_outputs) {
            return Ok(());
        }
        let handle = self.instance.plugin_handle();
        if let Some(configs) = handle.get_extension::<PluginAudioPortsConfig>() {
            for index in 0..configs.count(&handle) {
                let mut buffer = AudioPortsConfigBuffer::new();
                let Some(config) = configs.get(&handle, index, &mut buffer) else { continue };
                let channels = |port: &Option<MainPortInfo>| {
                    port.as_ref().and_then(|port| usize::try_from(port.channel_count).ok())
                };
                let found = (channels(&config.main_input), channels(&config.main_output));
                if found == (Some(num_inputs), Some(num_outputs)) {
                    return configs.select(&handle, config.id).map_err(|error| anyhow!("{error}"));
                }
            }
        }
        bail!("the CLAP plugin has no layout of {num_inputs} inputs and {num_outputs} outputs")
    }

    fn main_channels(&mut self, is_input: bool) -> Result<usize> {
        let handle = self.instance.plugin_handle();
        let ports: PluginAudioPorts =
            handle.get_extension().context("the CLAP plugin has no audio ports")?;
        let mut buffer = AudioPortInfoBuffer::new();
        let port = ports
            .get(&handle, 0, is_input, &mut buffer)
            .context("the CLAP plugin has no main port")?;
        Ok(usize::try_from(port.channel_count)?)
    }

    /// Offsets a parameter by `amount` of its range from frame `at_frame` of the next block on, as
    /// a modulator does.
    ///
    /// # Errors
    /// When there is no such parameter or it cannot be modulated.
    pub fn modulate(&mut self, name: &str, amount: f64, at_frame: usize) -> Result<()> {
        let id = ClapId::new(find(&self.parameters, name)?.id);
        let (flags, range) = self.info(id)?;
        if !flags.contains(ParamInfoFlags::IS_MODULATABLE) {
            bail!("the parameter `{name}` cannot be modulated");
        }
        let time = u32::try_from(at_frame)?;
        let value = amount * range;
        self.pending_events.push(PendingEvent { time, id, value, is_offset: true });
        Ok(())
    }

    /// Flags of a parameter and the width of its range.
    fn info(&mut self, id: ClapId) -> Result<(ParamInfoFlags, f64)> {
        let handle = self.instance.plugin_handle();
        for index in 0..self.params.count(&handle) {
            let mut buffer = ParamInfoBuffer::new();
            match self.params.get_info(&handle, index, &mut buffer) {
                Some(info) if info.id == id => {
                    return Ok((info.flags, info.max_value - info.min_value));
                }
                _ => {}
            }
        }
        bail!("the plugin lists no parameter of that number")
    }

    /// The pages for hardware controllers.
    ///
    /// # Errors
    /// When the plugin has none, or one of a parameter that it does not have.
    pub fn remote_pages(&mut self) -> Result<Vec<RemotePage>> {
        remote_pages(&self.instance.plugin_handle(), &self.parameters)
    }

    /// The queued changes as the plugin gets them.
    fn take_events(&mut self) -> EventBuffer {
        in_order_of_time(std::mem::take(&mut self.pending_events), self.is_careless)
    }

    fn value(&mut self, name: &str) -> Result<(ClapId, f64)> {
        let id = ClapId::new(find(&self.parameters, name)?.id);
        let value = self.params.get_value(&self.instance.plugin_handle(), id);
        Ok((id, value.with_context(|| format!("the plugin gives no value for `{name}`"))?))
    }

    /// Hands queued parameter changes to an inactive plugin.
    fn flush_inactive(&mut self) {
        let events = self.take_events();
        if let Some(mut handle) = self.instance.inactive_plugin_handle() {
            self.params.flush(&mut handle, &events.as_input(), &mut OutputEvents::void());
        }
    }
}

impl HeadlessHost for ClapHost {
    #[cfg(target_os = "linux")]
    fn editor(&mut self) -> &mut dyn super::editor::EditorHost {
        self
    }

    fn format(&self) -> Format {
        Format::Clap
    }

    fn activate(&mut self, config: &ProcessConfig) -> Result<()> {
        self.deactivate();
        self.select_channels(config.input_channels(), config.num_channels)?;
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
            inputs: vec![Vec::with_capacity(config.max_block_frames); config.input_channels()],
            input_ports: AudioPorts::with_capacity(2, 1),
            output_ports: AudioPorts::with_capacity(16, 8),
            steady_frame: 0,
        });
        self.answer_callback();
        Ok(())
    }

    fn deactivate(&mut self) {
        if let Some(active) = self.active.take() {
            self.instance.deactivate(active.processor.stop_processing());
        }
        self.answer_callback();
    }

    fn latency_frames(&mut self) -> usize {
        let handle = self.instance.plugin_handle();
        let extension: Option<PluginLatency> = handle.get_extension();
        extension.map_or(0, |latency| latency.get(&handle) as usize)
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn values_sent(&self) -> usize {
        self.values_sent
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
        self.pending_events.push(PendingEvent { time, id, value, is_offset: false });
        if self.active.is_none() {
            self.flush_inactive();
        }
        Ok(())
    }

    fn process_stems(&mut self, main: &mut [&mut [f32]], stems: &mut [StemBus]) -> Result<()> {
        let last_change = self.pending_events.iter().map(|event| event.time).max().unwrap_or(0);
        let events = self.take_events();
        let active = self.active.as_mut().context("the plugin is not active")?;
        let num_frames =
            check_block(&active.config, main, stems, last_change as usize, self.is_careless)?;
        for (input, channel) in active.inputs.iter_mut().zip(main.iter()) {
            input.clear();
            input.extend_from_slice(channel);
        }
        let inputs = active.input_ports.with_input_buffers([AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_input_only(
                active.inputs.iter_mut().map(InputChannel::variable),
            ),
        }]);
        // A bus that is not active has no channel.
        let mut buses: Vec<Vec<&mut [f32]>> =
            vec![main.iter_mut().map(|channel| &mut **channel).collect()];
        buses.extend(stems.iter_mut().map(|bus| {
            bus.iter_mut().flatten().map(Vec::as_mut_slice).collect::<Vec<&mut [f32]>>()
        }));
        let mut outputs =
            active.output_ports.with_output_buffers(buses.into_iter().map(|channels| {
                AudioPortBuffer {
                    latency: 0,
                    channels: AudioPortBufferType::f32_output_only(channels.into_iter()),
                }
            }));
        let mut sent = EventBuffer::new();
        let transport = self.transport.map(|transport| transport_event(transport, &active.config));
        active
            .processor
            .process(
                &inputs,
                &mut outputs,
                &events.as_input(),
                &mut sent.as_output(),
                Some(active.steady_frame),
                transport.as_ref(),
            )
            .map_err(|error| anyhow!("the CLAP plugin failed in process: {error}"))?;
        let is_silent = |bus: &clap_audio_buffer| {
            bus.channel_count > 0 && bus.constant_mask == (1 << bus.channel_count) - 1
        };
        self.silent_outputs = outputs.as_raw_buffers().iter().map(is_silent).collect();
        self.values_sent += sent.iter().filter(|event| is_value(event)).count();
        active.steady_frame += num_frames as u64;
        self.answer_callback();
        Ok(())
    }

    fn stem_names(&mut self) -> Vec<String> {
        let handle = self.instance.plugin_handle();
        let Some(ports) = handle.get_extension::<PluginAudioPorts>() else { return Vec::new() };
        let name = |index| {
            let mut buffer = AudioPortInfoBuffer::new();
            let info = ports.get(&handle, index, false, &mut buffer)?;
            Some(String::from_utf8_lossy(info.name).into_owned())
        };
        (1..ports.count(&handle, false)).filter_map(name).collect()
    }

    fn tail_frames(&mut self) -> usize {
        let Some(active) = &mut self.active else { return 0 };
        let handle = active.processor.plugin_handle();
        match handle.get_extension::<PluginTail>().map(|tail| tail.get(&handle)) {
            Some(TailLength::Finite(frames)) => frames as usize,
            Some(TailLength::Infinite) => usize::MAX,
            None => 0,
        }
    }

    fn set_transport(&mut self, transport: Option<Transport>) {
        self.transport = transport;
    }

    fn be_careless(&mut self) {
        self.is_careless = true;
    }

    fn silent_outputs(&self) -> Vec<bool> {
        self.silent_outputs.clone()
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
        self.answer_callback();
        Ok(())
    }

    fn load_state_while_active(&mut self, state: &[u8]) -> Result<()> {
        let active = self.active.take().context("the plugin is not active")?;
        let stopped = active.processor.stop_processing();
        let outcome = self.load_state(state);
        let processor = stopped
            .start_processing()
            .map_err(|_| anyhow!("the CLAP plugin refused to start processing"))?;
        self.active = Some(Active { processor, ..active });
        outcome
    }

    fn calls(&self) -> HostCalls {
        self.log.calls()
    }
}

impl Drop for ClapHost {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        super::editor::EditorHost::close_editor(self);
        self.deactivate();
    }
}

fn is_value(event: &UnknownEvent) -> bool {
    matches!(event.as_core_event(), Some(CoreEventSpace::ParamValue(_)))
}

fn list_parameters(params: &PluginParams, handle: &PluginMainThreadHandle) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    for index in 0..params.count(handle) {
        let mut buffer = ParamInfoBuffer::new();
        if let Some(info) = params.get_info(handle, index, &mut buffer) {
            let name = String::from_utf8_lossy(info.name).into_owned();
            let is_automatable = info.flags.contains(ParamInfoFlags::IS_AUTOMATABLE);
            parameters.push(Parameter { id: info.id.get(), name, is_automatable });
        }
    }
    parameters
}
