//! States that older versions saved.

use nice_plug::plugin::ParamValue;
use nice_plug::prelude::*;

use crate::choices::LatencyChoice;
use crate::params::SoloistParams;

/// Where version 0.1.0 kept the latency mode, as JSON.
const OLD_LATENCY_FIELD: &str = "latency-mode";

/// The parameter that took its place.
const LATENCY_ID: &str = "latency";

/// Makes a saved state whole: what it does not know yet gets its default, where nice-plug would
/// leave whatever the instance happens to hold.
pub fn migrate(state: &mut PluginState) {
    if let Some(json) = state.fields.remove(OLD_LATENCY_FIELD)
        && !state.params.contains_key(LATENCY_ID)
    {
        let name = json.trim_matches('"');
        let ids = LatencyChoice::ids().unwrap_or_default();
        // A name of a version still to come gives the default.
        if ids.contains(&name) {
            state.params.insert(LATENCY_ID.to_owned(), ParamValue::String(name.to_owned()));
        }
    }
    let defaults = SoloistParams::default();
    for (id, param, _) in defaults.param_map() {
        // SAFETY: `defaults`, which the pointer goes to, outlives the call.
        state.params.entry(id).or_insert_with(|| unsafe { value_of(param) });
    }
}

/// A parameter's value as nice-plug saves it.
///
/// # Safety
/// The parameters that the pointer goes to are alive.
unsafe fn value_of(param: ParamPtr) -> ParamValue {
    // SAFETY: by this function's contract.
    unsafe {
        match param {
            ParamPtr::FloatParam(param) => ParamValue::F32((*param).unmodulated_plain_value()),
            ParamPtr::IntParam(param) => ParamValue::I32((*param).unmodulated_plain_value()),
            ParamPtr::BoolParam(param) => ParamValue::Bool((*param).unmodulated_plain_value()),
            ParamPtr::EnumParam(param) => match (*param).unmodulated_plain_id() {
                Some(id) => ParamValue::String(id.to_owned()),
                None => ParamValue::I32((*param).unmodulated_plain_value()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn migrated(params: &[(&str, ParamValue)], fields: &[(&str, &str)]) -> PluginState {
        let params = params.iter().map(|(id, value)| ((*id).to_owned(), value.clone()));
        let fields = fields.iter().map(|(id, json)| ((*id).to_owned(), (*json).to_owned()));
        let mut state = PluginState {
            version: "0.1.0".to_owned(),
            params: params.collect(),
            fields: fields.collect::<BTreeMap<_, _>>(),
        };
        migrate(&mut state);
        state
    }

    fn words(state: &PluginState, id: &str) -> String {
        format!("{:?}", state.params[id])
    }

    #[test]
    fn the_latency_mode_of_old_states_becomes_the_parameter() {
        for (json, want) in
            [("\"studio\"", "studio"), ("\"balanced\"", "balanced"), ("\"to come\"", "studio")]
        {
            let state = migrated(&[], &[(OLD_LATENCY_FIELD, json), ("model", "\"studio\"")]);
            assert_eq!(words(&state, "latency"), format!("String({want:?})"));
            assert_eq!(state.fields.len(), 1, "the model alone is left");
        }
    }

    #[test]
    fn what_is_saved_stays_and_what_is_missing_gets_its_default() {
        let saved = [("mix", ParamValue::F32(12.0)), ("latency", ParamValue::String("x".into()))];
        let state = migrated(&saved, &[(OLD_LATENCY_FIELD, "\"studio\"")]);
        assert_eq!(words(&state, "mix"), "F32(12.0)");
        assert_eq!(words(&state, "latency"), "String(\"x\")");
        assert_eq!(words(&state, "vocals_gain"), "F32(1.0)");
        assert_eq!(words(&state, "other_solo"), "Bool(false)");
        assert_eq!(words(&state, "mode"), "String(\"isolate\")");
    }
}
