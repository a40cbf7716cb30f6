//! The edit list of an MP4 file: where the audio begins behind the encoder's delay, and how long
//! it is (ISO/IEC 14496-12, sections 8.6.5 and 8.6.6). Symphonia 0.6 reads it but does not apply it.

use std::io::{Read, Seek, SeekFrom};

/// Boxes looked at, all levels together, before a file is called malformed.
const MAX_BOXES: usize = 4096;

/// Frames to drop at the start and frames to keep after them (`None`: all).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub skip_frames: u64,
    pub frames: Option<u64>,
}

impl Edit {
    pub const NONE: Self = Self { skip_frames: 0, frames: None };
}

/// What one audio track says; each box fills in its part.
#[derive(Default)]
struct TrackFacts {
    is_audio: bool,
    media_timescale: u64,
    media_duration: u64,
    segment: Option<(u64, u64)>,
}

/// Looks for the edit of the first audio track. `None` when there is none, or when the file is not
/// MP4, or malformed: the edit is a refinement, the decoder judges the file.
pub(super) fn read_edit<R: Read + Seek>(file: &mut R) -> Option<Edit> {
    let end = file.seek(SeekFrom::End(0)).ok()?;
    let mut walk = Walk { file, boxes_left: MAX_BOXES, movie_timescale: 0, tracks: Vec::new() };
    walk.children(0, end, 0)?;
    let movie_timescale = walk.movie_timescale;
    let track = walk.tracks.into_iter().find(|track| track.is_audio)?;
    let (duration, media_time) = track.segment?;
    // Assumes that the media's time scale is the sample rate, as every audio encoder writes it.
    // A movie scale coarser than that (often milliseconds) states the length up to a tick only;
    // the media's own length then ends the audio.
    let is_coarse = movie_timescale < track.media_timescale;
    let ticks = u128::from(duration) + u128::from(is_coarse);
    let frames = (ticks * u128::from(track.media_timescale)).checked_div(movie_timescale.into())?;
    let frames = frames.min(u128::from(track.media_duration.saturating_sub(media_time)));
    let frames = u64::try_from(frames).ok().filter(|&frames| frames > 0);
    Some(Edit { skip_frames: media_time, frames })
}

struct Walk<'f, R> {
    file: &'f mut R,
    boxes_left: usize,
    movie_timescale: u64,
    tracks: Vec<TrackFacts>,
}

impl<R: Read + Seek> Walk<'_, R> {
    fn children(&mut self, mut position: u64, end: u64, depth: usize) -> Option<()> {
        while position.checked_add(8)? <= end {
            self.boxes_left = self.boxes_left.checked_sub(1)?;
            self.file.seek(SeekFrom::Start(position)).ok()?;
            let mut size = self.u32()?;
            let kind = self.bytes::<4>()?;
            let mut header = 8;
            if size == 1 {
                size = self.u64()?;
                header = 16;
            } else if size == 0 {
                size = end - position;
            }
            let box_end = position.checked_add(size).filter(|&at| at <= end && size >= header)?;
            self.visit(&kind, position + header, box_end, depth)?;
            position = box_end;
        }
        Some(())
    }

    fn visit(&mut self, kind: &[u8; 4], start: u64, end: u64, depth: usize) -> Option<()> {
        match (kind, depth) {
            (b"trak", 1) => {
                self.tracks.push(TrackFacts::default());
                self.children(start, end, depth + 1)
            }
            (b"moov", 0) | (b"mdia" | b"edts", 2) => self.children(start, end, depth + 1),
            (b"mvhd", 1) => {
                self.movie_timescale = self.clock()?.0;
                Some(())
            }
            (b"mdhd", 3) => {
                let (timescale, duration) = self.clock()?;
                let track = self.tracks.last_mut()?;
                (track.media_timescale, track.media_duration) = (timescale, duration);
                Some(())
            }
            (b"hdlr", 3) => {
                self.bytes::<8>()?;
                self.tracks.last_mut()?.is_audio = self.bytes::<4>()? == *b"soun";
                Some(())
            }
            (b"elst", 3) => {
                self.tracks.last_mut()?.segment = self.edit_list()?;
                Some(())
            }
            _ => Some(()),
        }
    }

    /// Time scale and duration of an `mvhd` or `mdhd` box, behind two times of the version's width.
    fn clock(&mut self) -> Option<(u64, u64)> {
        let version = self.u32()? >> 24;
        let width = if version == 1 { 16 } else { 8 };
        self.file.seek(SeekFrom::Current(width)).ok()?;
        Some((self.u32()?, if version == 1 { self.u64()? } else { self.u32()? }))
    }

    /// Duration (movie scale) and media time (media scale) of a list of exactly one real segment;
    /// a list that rearranges the audio is left to the decoder.
    fn edit_list(&mut self) -> Option<Option<(u64, u64)>> {
        let version = self.u32()? >> 24;
        let count = self.u32()?;
        if count != 1 {
            return Some(None);
        }
        let (duration, media_time) = match version {
            1 => (self.u64()?, self.u64()? as i64),
            _ => (self.u32()?, i64::from(self.u32()? as u32 as i32)),
        };
        Some(u64::try_from(media_time).ok().map(|media_time| (duration, media_time)))
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    fn u32(&mut self) -> Option<u64> {
        self.bytes().map(|bytes| u64::from(u32::from_be_bytes(bytes)))
    }

    fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let mut bytes = (content.len() as u32 + 8).to_be_bytes().to_vec();
        bytes.extend_from_slice(kind);
        bytes.extend_from_slice(content);
        bytes
    }

    fn header(timescale: u32, duration: u32) -> Vec<u8> {
        [[0; 4], [0; 4], [0; 4], timescale.to_be_bytes(), duration.to_be_bytes()].concat()
    }

    fn movie(movie_timescale: u32, duration: u32, media_time: i32) -> Vec<u8> {
        let list = [
            [0; 4],
            1_u32.to_be_bytes(),
            duration.to_be_bytes(),
            media_time.to_be_bytes(),
            [0, 1, 0, 0],
        ]
        .concat();
        let media = [
            boxed(b"mdhd", &header(44_100, 11_000)),
            boxed(b"hdlr", b"\0\0\0\0\0\0\0\0soun\0\0\0\0"),
        ]
        .concat();
        let track = [boxed(b"edts", &boxed(b"elst", &list)), boxed(b"mdia", &media)].concat();
        let moov = [boxed(b"mvhd", &header(movie_timescale, 0)), boxed(b"trak", &track)].concat();
        [boxed(b"ftyp", b"M4A "), boxed(b"moov", &moov)].concat()
    }

    #[test]
    fn delay_and_length_are_read_in_frames() {
        let edit = read_edit(&mut Cursor::new(movie(44_100, 9000, 1024)));
        assert_eq!(edit, Some(Edit { skip_frames: 1024, frames: Some(9000) }));
    }

    #[test]
    fn with_a_coarse_movie_time_scale_the_media_length_ends_the_audio() {
        let edit = read_edit(&mut Cursor::new(movie(1000, 201, 2112)));
        assert_eq!(edit, Some(Edit { skip_frames: 2112, frames: Some(11_000 - 2112) }));
        let edit = read_edit(&mut Cursor::new(movie(1000, 99, 2112)));
        assert_eq!(edit, Some(Edit { skip_frames: 2112, frames: Some(4410) }));
    }

    #[test]
    fn damaged_files_give_no_edit_and_no_panic() {
        let good = movie(44_100, 9000, 1024);
        for cut in 0..good.len() {
            let _ = read_edit(&mut Cursor::new(good[..cut].to_vec()));
            let mut bad = good.clone();
            bad[cut] = 0xff;
            let _ = read_edit(&mut Cursor::new(bad));
        }
        assert_eq!(read_edit(&mut Cursor::new(b"RIFF1234WAVE".to_vec())), None);
        assert_eq!(read_edit(&mut Cursor::new(movie(44_100, 9000, -1))), None);
    }
}
