//! Plain egui controls tied to host parameters.

use egui::{ComboBox, Slider, Ui};
use nice_plug::context::gui::ParamSetter;
use nice_plug::prelude::{BoolParam, Enum, EnumParam, FloatParam, FloatRange, Param};

/// A list of an enumeration's values.
pub fn enum_box<T: Enum + PartialEq + 'static>(
    ui: &mut Ui,
    param: &EnumParam<T>,
    setter: &ParamSetter<'_>,
) {
    let current = param.modulated_plain_value().to_index();
    let names = T::variants();
    ComboBox::from_id_salt(param.name()).selected_text(names[current]).show_ui(ui, |ui| {
        for (index, name) in names.iter().enumerate() {
            if ui.selectable_label(index == current, *name).clicked() {
                set_at_once(param, T::from_index(index), setter);
            }
        }
    });
}

/// A slider over the parameter's own range; a double click gives the default.
pub fn float_slider(ui: &mut Ui, param: &FloatParam, setter: &ParamSetter<'_>) {
    let range = match param.range() {
        FloatRange::Linear { min, max } => min..=max,
        _ => param.preview_plain(0.0)..=param.preview_plain(1.0),
    };
    let mut value = param.modulated_plain_value();
    let slider = Slider::new(&mut value, range).suffix(param.unit()).fixed_decimals(1);
    let response = ui.add(slider);
    if response.double_clicked() {
        set_at_once(param, param.default_plain_value(), setter);
        return;
    }
    if response.drag_started() {
        setter.begin_set_parameter(param);
    }
    if response.dragged() {
        setter.set_parameter(param, value);
    } else if response.changed() && !response.drag_stopped() {
        // Typed, or moved by keys.
        set_at_once(param, value, setter);
    }
    if response.drag_stopped() {
        setter.end_set_parameter(param);
    }
}

/// A check box.
pub fn switch(ui: &mut Ui, param: &BoolParam, setter: &ParamSetter<'_>) {
    let mut value = param.modulated_plain_value();
    if ui.checkbox(&mut value, "").changed() {
        set_at_once(param, value, setter);
    }
}

/// A whole gesture: hosts record automation between its begin and end.
fn set_at_once<P: Param>(param: &P, value: P::Plain, setter: &ParamSetter<'_>) {
    setter.begin_set_parameter(param);
    setter.set_parameter(param, value);
    setter.end_set_parameter(param);
}
