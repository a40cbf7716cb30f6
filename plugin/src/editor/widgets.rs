//! Plain egui controls tied to host parameters.

use egui::{ComboBox, Slider, Ui};
use nice_plug::context::gui::ParamSetter;
use nice_plug::prelude::{BoolParam, Enum, EnumParam, FloatParam, Param};

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

/// A slider over the parameter's own way and in its own words; a double click gives the default.
pub fn float_slider(ui: &mut Ui, param: &FloatParam, setter: &ParamSetter<'_>) {
    let mut place = f64::from(param.modulated_normalized_value());
    let slider = Slider::new(&mut place, 0.0..=1.0)
        .custom_formatter(|place, _| param.normalized_value_to_string(place as f32, true))
        .custom_parser(|text| param.string_to_normalized_value(text).map(f64::from));
    let response = ui.add(slider);
    let value = param.preview_plain(place as f32);
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

/// A button that stays in.
pub fn toggle(ui: &mut Ui, param: &BoolParam, label: &str, setter: &ParamSetter<'_>) {
    let value = param.modulated_plain_value();
    if ui.selectable_label(value, label).on_hover_text(param.name()).clicked() {
        set_at_once(param, !value, setter);
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
