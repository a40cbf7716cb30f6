//! From what the user asked for to host gestures and jobs.

use std::sync::atomic::Ordering;

use nice_plug::context::gui::ParamSetter;
use nice_plug::prelude::{BoolParam, Enum, EnumParam, FloatParam, Param as HostParam};
use soloist::model::Instrument;
use soloist_editor::{Action, Param};

use super::jobs::Jobs;
use crate::params::{SoloistParams, StemParams};

/// Carries `actions` out, in order.
pub fn apply(actions: &[Action], params: &SoloistParams, setter: &ParamSetter<'_>, jobs: &Jobs) {
    for action in actions {
        match action {
            Action::Dry(is_dry) => params.dry_latch.store(*is_dry, Ordering::Relaxed),
            Action::SetTheme(theme) => {
                params.editor_theme.store(*theme);
                jobs.tell_of_change();
            }
            Action::Model(action) => jobs.do_model(action, params),
            Action::Capture(action) => jobs.do_capture(action),
            Action::Begin(param)
            | Action::Set(param, _)
            | Action::End(param)
            | Action::Reset(param)
            | Action::SetText(param, _)
            | Action::Choose(param, _)
            | Action::Switch(param, _) => match host_param(params, *param) {
                AnyParam::Float(param) => to_host(action, param, setter, |_| None),
                AnyParam::Bool(param) => to_host(action, param, setter, |action| match action {
                    Action::Switch(_, is_on) => Some(*is_on),
                    _ => None,
                }),
                AnyParam::Instrument(param) => to_host(action, param, setter, chosen),
                AnyParam::Mode(param) => to_host(action, param, setter, chosen),
                AnyParam::Late(param) => to_host(action, param, setter, chosen),
                AnyParam::Latency(param) => to_host(action, param, setter, chosen),
            },
        }
    }
}

/// One of the host's parameters.
enum AnyParam<'a> {
    Float(&'a FloatParam),
    Bool(&'a BoolParam),
    Instrument(&'a EnumParam<crate::choices::InstrumentChoice>),
    Mode(&'a EnumParam<crate::choices::ModeChoice>),
    Late(&'a EnumParam<crate::choices::LateChoice>),
    Latency(&'a EnumParam<crate::choices::LatencyChoice>),
}

fn host_param(params: &SoloistParams, param: Param) -> AnyParam<'_> {
    match param {
        Param::Instrument => AnyParam::Instrument(&params.instrument),
        Param::Mode => AnyParam::Mode(&params.mode),
        Param::Mix => AnyParam::Float(&params.mix),
        Param::Focus => AnyParam::Float(&params.focus),
        Param::OutputGain => AnyParam::Float(&params.output_gain),
        Param::Late => AnyParam::Late(&params.late_policy),
        Param::Latency => AnyParam::Latency(&params.latency),
        Param::Bypass => AnyParam::Bool(&params.bypass),
        Param::Gain(instrument) => AnyParam::Float(&stem(params, instrument).gain),
        Param::Solo(instrument) => AnyParam::Bool(&stem(params, instrument).solo),
        Param::Mute(instrument) => AnyParam::Bool(&stem(params, instrument).mute),
    }
}

fn stem(params: &SoloistParams, instrument: Instrument) -> &StemParams {
    params.stems()[instrument as usize]
}

fn chosen<T: Enum + PartialEq>(action: &Action) -> Option<T> {
    match action {
        Action::Choose(_, index) if *index < T::variants().len() => Some(T::from_index(*index)),
        _ => None,
    }
}

/// `plain` reads the value out of actions that only parameters of this kind know.
fn to_host<P: HostParam>(
    action: &Action,
    param: &P,
    setter: &ParamSetter<'_>,
    plain: impl Fn(&Action) -> Option<P::Plain>,
) {
    match action {
        Action::Begin(_) => setter.begin_set_parameter(param),
        Action::Set(_, normalized) => {
            // Snapped to the parameter's steps, so that host and plugin hold the same number.
            setter.set_parameter(param, param.preview_plain(*normalized));
        }
        Action::End(_) => setter.end_set_parameter(param),
        Action::Reset(_) => set_at_once(param, param.default_plain_value(), setter),
        Action::SetText(_, text) => {
            // What is not understood changes nothing.
            if let Some(normalized) = param.string_to_normalized_value(text)
                && normalized != param.unmodulated_normalized_value()
            {
                set_at_once(param, param.preview_plain(normalized), setter);
            }
        }
        other => {
            if let Some(plain) = plain(other) {
                set_at_once(param, plain, setter);
            }
        }
    }
}

/// A whole gesture: hosts record automation between its begin and end.
fn set_at_once<P: HostParam>(param: &P, value: P::Plain, setter: &ParamSetter<'_>) {
    setter.begin_set_parameter(param);
    setter.set_parameter(param, value);
    setter.end_set_parameter(param);
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
