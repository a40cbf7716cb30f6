//! Broadcast WAV with 32-bit float samples: the format of EBU Tech 3285, "Specification of the
//! Broadcast Wave Format", whose `bext` chunk says where on a timeline the first frame belongs.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of a `bext` chunk of version 1 before its coding history.
const BEXT_BYTES: usize = 602;

/// What the header says.
pub(super) struct WaveHeader<'a> {
    pub sample_rate_hz: u32,
    pub num_channels: u16,
    pub num_frames: u64,
    /// What it is, in words; cut at 256 bytes.
    pub description: &'a str,
    /// Frames from the project's begin to the first frame.
    pub time_reference: u64,
    /// When it was written.
    pub written: SystemTime,
}

impl WaveHeader<'_> {
    /// Bytes of the samples.
    fn data_bytes(&self) -> u64 {
        self.num_frames * u64::from(self.num_channels) * size_of::<f32>() as u64
    }

    /// Writes all that stands before the samples, which must follow interleaved.
    ///
    /// # Errors
    /// When a file of this format cannot be that long, and as `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let history = self.coding_history();
        let bext_bytes = BEXT_BYTES + history.len();
        // Names and lengths of the chunks, and all that is in them.
        let riff_bytes = 4 + (8 + bext_bytes) + (8 + 18) + (8 + 4) + 8;
        let too_long = |_| io::Error::other("a WAV file cannot hold 4 GiB or more");
        let data_bytes = u32::try_from(self.data_bytes()).map_err(too_long)?;
        let riff_bytes =
            u32::try_from(riff_bytes as u64 + u64::from(data_bytes)).map_err(too_long)?;
        out.write_all(b"RIFF")?;
        out.write_all(&riff_bytes.to_le_bytes())?;
        out.write_all(b"WAVEbext")?;
        out.write_all(&(bext_bytes as u32).to_le_bytes())?;
        out.write_all(&self.bext())?;
        out.write_all(&history)?;
        self.write_format(out)?;
        out.write_all(b"fact")?;
        out.write_all(&4_u32.to_le_bytes())?;
        out.write_all(&(self.num_frames as u32).to_le_bytes())?;
        out.write_all(b"data")?;
        out.write_all(&data_bytes.to_le_bytes())
    }

    fn write_format(&self, out: &mut impl Write) -> io::Result<()> {
        const IEEE_FLOAT: u16 = 3;
        let frame_bytes = self.num_channels * 4;
        out.write_all(b"fmt ")?;
        out.write_all(&18_u32.to_le_bytes())?;
        out.write_all(&IEEE_FLOAT.to_le_bytes())?;
        out.write_all(&self.num_channels.to_le_bytes())?;
        out.write_all(&self.sample_rate_hz.to_le_bytes())?;
        out.write_all(&(self.sample_rate_hz * u32::from(frame_bytes)).to_le_bytes())?;
        out.write_all(&frame_bytes.to_le_bytes())?;
        out.write_all(&32_u16.to_le_bytes())?;
        // No extension follows.
        out.write_all(&0_u16.to_le_bytes())
    }

    /// Section 2.3 of Tech 3285, version 1: no loudness.
    fn bext(&self) -> [u8; BEXT_BYTES] {
        let mut bext = [0; BEXT_BYTES];
        let mut put = |at: usize, size: usize, bytes: &[u8]| {
            let size = size.min(bytes.len());
            bext[at..at + size].copy_from_slice(&bytes[..size]);
        };
        let (date, time) = date_and_time(self.written);
        put(0, 256, ascii(self.description).as_bytes());
        put(256, 32, b"Soloist");
        put(320, 10, date.as_bytes());
        put(330, 8, time.as_bytes());
        put(338, 8, &self.time_reference.to_le_bytes());
        put(346, 2, &1_u16.to_le_bytes());
        bext
    }

    /// Of an even length, as chunks must be.
    fn coding_history(&self) -> Vec<u8> {
        let channels = if self.num_channels == 1 { "mono" } else { "stereo" };
        let rate = self.sample_rate_hz;
        let mut line = format!("A=PCM,F={rate},W=32,M={channels},T=Soloist;float\r\n").into_bytes();
        line.resize(line.len().next_multiple_of(2), 0);
        line
    }
}

fn ascii(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { '?' }).collect()
}

/// Date and time (UTC) as `yyyy-mm-dd` and `hh-mm-ss`.
fn date_and_time(moment: SystemTime) -> (String, String) {
    let seconds = moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days: years begin in
    // March, eras are 400 years long.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = (year + era * 400, month + 3);
    let (year, month) = if month > 12 { (year + 1, month - 12) } else { (year, month) };
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    (format!("{year:04}-{month:02}-{day:02}"), format!("{hour:02}-{minute:02}-{second:02}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date, time) in [
            (0, "1970-01-01", "00-00-00"),
            (951_782_399, "2000-02-28", "23-59-59"),
            (951_782_400, "2000-02-29", "00-00-00"),
            (1_709_251_200, "2024-03-01", "00-00-00"),
            (4_102_444_799, "2099-12-31", "23-59-59"),
        ] {
            let moment = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(date_and_time(moment), (date.to_owned(), time.to_owned()));
        }
    }

    #[test]
    fn what_is_too_long_for_the_format_is_refused() {
        let header = WaveHeader {
            sample_rate_hz: 48_000,
            num_channels: 2,
            num_frames: 1 << 29,
            description: "",
            time_reference: 0,
            written: UNIX_EPOCH,
        };
        assert!(header.write(&mut Vec::new()).is_err());
    }
}
