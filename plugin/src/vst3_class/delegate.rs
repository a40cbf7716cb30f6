//! Handing calls on.

/// Implements a COM trait by handing each listed call to the wrapper; methods after `corrected` are
/// taken as they stand.
macro_rules! delegate {
    ($trait:ident { $(fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty;)* }
     $(corrected { $($method:item)* })?) => {
        impl<P: Vst3Plugin> $trait for Vst3Class<P> {
            $(unsafe fn $name(&self, $($arg: $ty),*) -> $ret {
                // SAFETY: the same call with the same arguments; the host keeps its contract.
                unsafe { <Wrapper<P> as $trait>::$name(&self.wrapper, $($arg),*) }
            })*
            $($($method)*)?
        }
    };
}

pub(super) use delegate;
