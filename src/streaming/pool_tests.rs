//! The workers with tasks that need no network.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::*;

const SOON: Duration = Duration::from_secs(20);

fn pool(num_workers: usize) -> &'static Pool {
    Box::leak(Box::new(Pool::new(Some(num_workers))))
}

/// Has `todo` turns to do, tells of each, and of its end.
struct Counting {
    todo: Arc<AtomicUsize>,
    done: Sender<&'static str>,
    gate: Option<Receiver<()>>,
    panics: bool,
}

impl Counting {
    fn new(num_turns: usize) -> (Self, Arc<AtomicUsize>, Receiver<&'static str>) {
        let (done, heard) = channel();
        let todo = Arc::new(AtomicUsize::new(num_turns));
        (Self { todo: Arc::clone(&todo), done, gate: None, panics: false }, todo, heard)
    }
}

impl Task for Counting {
    fn demand(&self) -> Option<Demand> {
        (self.todo.load(Ordering::Acquire) > 0).then_some(Demand::Offline)
    }

    fn turn(&mut self) -> Turn {
        let _ = self.done.send("turn");
        assert!(!self.panics, "a task that breaks");
        if let Some(gate) = &self.gate {
            let _ = gate.recv();
        }
        self.todo.fetch_sub(1, Ordering::AcqRel);
        Turn::Ran
    }

    fn panicked(&mut self) {
        let _ = self.done.send("panic");
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let _ = self.done.send("drop");
    }
}

fn expect(heard: &Receiver<&'static str>, words: &[&str]) {
    for word in words {
        assert_eq!(heard.recv_timeout(SOON).as_ref(), Ok(word));
    }
}

#[test]
fn every_task_is_served_and_work_that_comes_later_is_found_by_the_bell() {
    let member = pool(2).join().unwrap();
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let (task, todo, heard) = Counting::new(3);
            (member.add(Box::new(task)), todo, heard)
        })
        .collect();
    for (_, _, heard) in &tasks {
        expect(heard, &["turn"; 3]);
    }
    for (number, todo, heard) in &tasks {
        todo.fetch_add(1, Ordering::AcqRel);
        member.bell().ring();
        expect(heard, &["turn"]);
        member.remove(*number);
        expect(heard, &["drop"]);
    }
}

#[test]
fn a_task_that_panics_ends_alone() {
    let member = pool(1).join().unwrap();
    let (mut broken, _, heard) = Counting::new(1);
    broken.panics = true;
    let broken = member.add(Box::new(broken));
    expect(&heard, &["turn", "panic", "drop"]);
    let (task, _, others) = Counting::new(2);
    let number = member.add(Box::new(task));
    expect(&others, &["turn", "turn"]);
    member.remove(broken);
    member.remove(number);
    expect(&others, &["drop"]);
}

#[test]
fn removal_waits_for_the_turn_under_way_and_for_no_other() {
    let member = pool(2).join().unwrap();
    let gated = || {
        let (mut task, _, heard) = Counting::new(1);
        let (open, gate) = channel();
        task.gate = Some(gate);
        (member.add(Box::new(task)), open, heard)
    };
    let (first, open_first, heard_first) = gated();
    expect(&heard_first, &["turn"]);
    let (second, open_second, heard_second) = gated();
    expect(&heard_second, &["turn"]);
    // Both are inside their turns; the second is removed while the first goes on.
    std::thread::scope(|scope| {
        let removal = scope.spawn(|| member.remove(second));
        std::thread::sleep(Duration::from_millis(30));
        assert!(!removal.is_finished(), "its turn is not over");
        open_second.send(()).unwrap();
        removal.join().unwrap();
    });
    expect(&heard_second, &["drop"]);
    assert!(heard_first.try_recv().is_err(), "the first is still in its turn");
    open_first.send(()).unwrap();
    member.remove(first);
    expect(&heard_first, &["drop"]);
}

#[test]
fn workers_end_with_the_last_member_and_start_anew_with_the_next() {
    let pool = pool(3);
    let (first, second) = (pool.join().unwrap(), pool.join().unwrap());
    let crew = Arc::downgrade(&first.crew);
    assert!(Arc::ptr_eq(&first.crew, &second.crew));
    drop(first);
    assert!(crew.upgrade().is_some());
    drop(second);
    assert!(crew.upgrade().is_none(), "all workers have been joined");
    let third = pool.join().unwrap();
    let (task, _, heard) = Counting::new(1);
    let number = third.add(Box::new(task));
    expect(&heard, &["turn"]);
    third.remove(number);
}
