//! The editor in a window: opened by our hosts, on a display that is started where there is none.

mod cost;
mod display;
mod drill;
mod host_shot;
mod pair;
mod patience;
mod playing;
mod usage;
mod window;

pub use cost::{cost, print_cost};
pub use display::{Display, has_server, install_server, run_on_display};
pub use drill::{DrillOptions, DrillReport, drill, print_drill};
pub use host_shot::host_shot;
pub use pair::pair;
pub use usage::Usage;
pub use window::HostWindow;
