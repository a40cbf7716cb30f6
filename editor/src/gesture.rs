//! From movements of hand, wheel and keys to gestures that a host can record and undo.

use crate::action::{Action, Param};

/// A wheel or a key says nothing of its end: a gesture ends this long after the last step, in seconds.
const STEP_PAUSE_S: f64 = 0.6;

/// The gesture that is open, if one is. At most one is: a hand moves one thing.
#[derive(Debug, Default)]
pub struct Gestures {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    param: Param,
    /// Where the hand is. The parameter snaps to its steps, which must not swallow slow movements.
    position: f32,
    /// When it ends by itself; never, while a button is held.
    ends_at: Option<f64>,
}

impl Gestures {
    /// The hand takes hold of `param`, which stands at `position`.
    pub fn hold(&mut self, param: Param, position: f32, out: &mut Vec<Action>) {
        self.close(out);
        out.push(Action::Begin(param));
        self.open = Some(Open { param, position, ends_at: None });
    }

    /// The hand moves by `delta`.
    pub fn drag(&mut self, param: Param, delta: f32, out: &mut Vec<Action>) {
        if let Some(open) = self.open.as_mut().filter(|open| open.param == param)
            && delta != 0.0
        {
            // Not clamped at once: coming back from beyond an end is not felt as a dead way.
            open.position = (open.position + delta).clamp(0.0, 1.0);
            out.push(Action::Set(param, open.position));
        }
    }

    /// The hand lets go.
    pub fn release(&mut self, param: Param, out: &mut Vec<Action>) {
        if self.is_open(param) {
            self.close(out);
        }
    }

    /// A step of the wheel or of a key at time `now` in seconds, from `position` where it is the
    /// first of its gesture.
    pub fn step(
        &mut self,
        param: Param,
        position: f32,
        delta: f32,
        now: f64,
        out: &mut Vec<Action>,
    ) {
        if !self.is_open(param) {
            self.hold(param, position, out);
        }
        self.drag(param, delta, out);
        if let Some(open) = &mut self.open {
            open.ends_at = Some(now + STEP_PAUSE_S);
        }
    }

    /// Ends what nobody moves any more; how long until then, in seconds, where something is open.
    pub fn tick(&mut self, now: f64, out: &mut Vec<Action>) -> Option<f64> {
        let ends_at = self.open.as_ref()?.ends_at?;
        if now >= ends_at {
            self.close(out);
            return None;
        }
        Some(ends_at - now)
    }

    /// Ends whatever is open: the window closes, or another thing is taken hold of.
    pub fn close(&mut self, out: &mut Vec<Action>) {
        if let Some(open) = self.open.take() {
            out.push(Action::End(open.param));
        }
    }

    /// Whether this is what moves.
    pub fn is_open(&self, param: Param) -> bool {
        self.open.as_ref().is_some_and(|open| open.param == param)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_movements_add_up_and_stay_in_range() {
        let (mut gestures, mut out) = (Gestures::default(), Vec::new());
        gestures.hold(Param::Mix, 0.5, &mut out);
        for _ in 0..100 {
            gestures.drag(Param::Mix, 0.001, &mut out);
        }
        assert!(matches!(out.last(), Some(Action::Set(_, value)) if (value - 0.6).abs() < 1e-4));
        gestures.drag(Param::Mix, 9.0, &mut out);
        assert_eq!(out.last(), Some(&Action::Set(Param::Mix, 1.0)));
        gestures.release(Param::Mix, &mut out);
        assert_eq!(out.last(), Some(&Action::End(Param::Mix)));
    }

    #[test]
    fn steps_of_the_wheel_are_one_gesture_until_it_rests() {
        let (mut gestures, mut out) = (Gestures::default(), Vec::new());
        for step in 0..5 {
            gestures.step(Param::Focus, 0.5, 0.01, 0.1 * f64::from(step), &mut out);
            assert!(gestures.tick(0.1 * f64::from(step), &mut out).is_some());
        }
        let begins = out.iter().filter(|action| matches!(action, Action::Begin(_))).count();
        assert_eq!((begins, out.len()), (1, 6));
        assert_eq!(gestures.tick(2.0, &mut out), None);
        assert_eq!(out.last(), Some(&Action::End(Param::Focus)));
    }

    #[test]
    fn another_thing_ends_what_is_open() {
        let (mut gestures, mut out) = (Gestures::default(), Vec::new());
        gestures.step(Param::Mix, 0.5, 0.1, 0.0, &mut out);
        gestures.hold(Param::Focus, 0.5, &mut out);
        let want = [Action::End(Param::Mix), Action::Begin(Param::Focus)];
        assert_eq!(out[2..], want);
        gestures.close(&mut out);
        gestures.close(&mut out);
        assert_eq!(out[4..], [Action::End(Param::Focus)]);
    }
}
