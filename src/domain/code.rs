//! One macro for every closed list: a number for the wire and the log, a code for people.
//! Nothing outside the list can be made; zero never stands for anything.

/// A code or number that is not on its list.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("unknown {what}")]
pub struct UnknownCode {
    /// Which list.
    pub what: &'static str,
}

/// Declares a closed list: an enum with `ALL`, `number`, `code`, `from_number` and `FromStr`.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident, $what:literal, { $($variant:ident = $number:literal $code:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[repr(u8)]
        pub enum $name {
            $(
                #[doc = concat!("`", $code, "`")]
                $variant = $number,
            )+
        }

        impl $name {
            /// Every member, in order of number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the number that stands for it on the wire and in the log; never 0.
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// Returns the code that people read and write.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }

            /// Finds the member with this number.
            ///
            /// # Errors
            ///
            /// `UnknownCode` for zero and for every number that is not on the list.
            pub const fn from_number(number: i32) -> Result<Self, $crate::domain::UnknownCode> {
                match number {
                    $($number => Ok(Self::$variant),)+
                    _ => Err($crate::domain::UnknownCode { what: $what }),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::UnknownCode;

            fn from_str(code: &str) -> Result<Self, Self::Err> {
                match code {
                    $($code => Ok(Self::$variant),)+
                    _ => Err($crate::domain::UnknownCode { what: $what }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.code())
            }
        }
    };
}
pub(crate) use codes;
