//! Finding the samples of a WAV file among its chunks, more patiently than hound does: chunks of odd
//! length, headers of writers that never knew the length (pipes, crashed recorders), and RF64 (EBU
//! Tech 3306). hound then decodes the samples behind a plain header made from what was found.

use std::io::{Read, Seek, SeekFrom};

/// Chunks looked at before a file is called malformed.
const MAX_CHUNKS: usize = 4096;
/// Longest format description that is understood: WAVEFORMATEXTENSIBLE.
const MAX_FORMAT_BYTES: u64 = 40;
/// A length that the writer did not know.
const UNKNOWN: u64 = u32::MAX as u64;

/// Where the samples are and what they are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WavHeader {
    format: Vec<u8>,
    /// Byte position of the first sample.
    pub data_start: u64,
    /// Bytes of samples by the header, whole frames only; more than there are in a file cut short.
    pub data_bytes: u64,
}

impl WavHeader {
    /// Walks the chunks up to the data. `None` when the file is no WAV or malformed.
    pub(super) fn read<R: Read + Seek>(file: &mut R) -> Option<Self> {
        let file_end = file.seek(SeekFrom::End(0)).ok()?;
        file.seek(SeekFrom::Start(0)).ok()?;
        let kind = bytes::<4>(file)?;
        let riff_bytes = u64::from(u32::from_le_bytes(bytes(file)?));
        if !matches!(&kind, b"RIFF" | b"RF64" | b"BW64") || bytes(file)? != *b"WAVE" {
            return None;
        }
        let (mut format, mut long_data_bytes) = (None, None);
        let mut position = 12_u64;
        for _ in 0..MAX_CHUNKS {
            file.seek(SeekFrom::Start(position)).ok()?;
            let chunk = bytes::<4>(file)?;
            let len = u64::from(u32::from_le_bytes(bytes(file)?));
            let start = position + 8;
            match &chunk {
                b"ds64" => {
                    let _riff = bytes::<8>(file)?;
                    long_data_bytes = Some(u64::from_le_bytes(bytes(file)?));
                }
                b"fmt " => format = Some(read_format(file, len)?),
                b"data" => {
                    let unfinished = riff_bytes == 0 && len == 0;
                    let stated = match (len, long_data_bytes) {
                        (UNKNOWN, Some(long)) => long,
                        (UNKNOWN, None) => file_end - start,
                        _ if unfinished => file_end - start,
                        _ => len,
                    };
                    return Self::new(format?, start, stated);
                }
                _ => {}
            }
            // Chunks begin at even positions.
            position = start.checked_add(len + len % 2)?;
        }
        None
    }

    fn new(format: Vec<u8>, data_start: u64, stated_bytes: u64) -> Option<Self> {
        let frame_bytes = u64::from(u16::from_le_bytes(format.get(12..14)?.try_into().ok()?));
        let data_bytes = stated_bytes - stated_bytes.checked_rem(frame_bytes)?;
        Some(Self { format, data_start, data_bytes })
    }

    /// A header that hound reads; `None` when the data is longer than it can count.
    pub(super) fn plain(&self) -> Option<Vec<u8>> {
        let data_bytes = u32::try_from(self.data_bytes).ok()?;
        let format_bytes = self.format.len() as u32;
        let mut header = b"RIFF".to_vec();
        header.extend_from_slice(&data_bytes.saturating_add(20 + format_bytes).to_le_bytes());
        header.extend_from_slice(b"WAVEfmt ");
        header.extend_from_slice(&format_bytes.to_le_bytes());
        header.extend_from_slice(&self.format);
        header.extend_from_slice(b"data");
        header.extend_from_slice(&data_bytes.to_le_bytes());
        Some(header)
    }
}

/// The format description, of plain PCM and float only the part that hound wants.
fn read_format<R: Read>(file: &mut R, len: u64) -> Option<Vec<u8>> {
    let mut format = Vec::new();
    file.take(len.min(MAX_FORMAT_BYTES)).read_to_end(&mut format).ok()?;
    if matches!(format.get(..2)?, [1 | 3, 0]) {
        format.truncate(16);
    }
    Some(format)
}

fn bytes<const N: usize>(file: &mut impl Read) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// Mono, 16 bit, 44.1 kHz.
    const FORMAT: [u8; 16] = [1, 0, 1, 0, 0x44, 0xac, 0, 0, 0x88, 0x58, 1, 0, 2, 0, 16, 0];

    fn chunk(kind: &[u8; 4], len: u32, content: &[u8]) -> Vec<u8> {
        let mut bytes = [kind, &len.to_le_bytes()[..], content].concat();
        bytes.extend(vec![0; content.len() % 2]);
        bytes
    }

    fn wav(kind: &[u8; 4], riff_bytes: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
        [kind, &riff_bytes.to_le_bytes()[..], b"WAVE", &chunks.concat()].concat()
    }

    fn header(file: &[u8]) -> Option<WavHeader> {
        WavHeader::read(&mut Cursor::new(file))
    }

    #[test]
    fn samples_are_found_behind_chunks_of_odd_length() {
        let format = chunk(b"fmt ", 16, &FORMAT);
        let data = chunk(b"data", 6, &[1, 2, 3, 4, 5, 6]);
        let file = wav(b"RIFF", 99, &[chunk(b"LIST", 7, b"INFOabc"), format, data]);
        let found = header(&file).unwrap();
        assert_eq!((found.data_bytes, file.len() as u64 - found.data_start), (6, 6));
        let plain = [found.plain().unwrap(), vec![1, 2, 3, 4, 5, 6]].concat();
        let mut reader = hound::WavReader::new(&plain[..]).unwrap();
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        assert_eq!(samples, [0x201, 0x403, 0x605]);
    }

    #[test]
    fn lengths_that_the_writer_did_not_know_reach_to_the_end_of_the_file() {
        let format = chunk(b"fmt ", 16, &FORMAT);
        let samples = [7; 11];
        for (riff_bytes, len) in [(u32::MAX, u32::MAX), (0, 0)] {
            let mut file = wav(b"RIFF", riff_bytes, &[format.clone(), chunk(b"data", len, &[])]);
            file.extend_from_slice(&samples);
            assert_eq!(header(&file).unwrap().data_bytes, 10, "{len}");
        }
        let empty = wav(b"RIFF", 36, &[format, chunk(b"data", 0, &samples)]);
        assert_eq!(header(&empty).unwrap().data_bytes, 0);
    }

    #[test]
    fn long_files_state_their_length_in_a_chunk_of_its_own() {
        let lengths = [0_u64, 5_000_000_000, 0].map(u64::to_le_bytes).concat();
        let chunks = |data_bytes: u64| {
            let mut lengths = lengths.clone();
            lengths[8..16].copy_from_slice(&data_bytes.to_le_bytes());
            let data = chunk(b"data", u32::MAX, &[1, 2, 3, 4]);
            [chunk(b"ds64", 24, &lengths), chunk(b"fmt ", 16, &FORMAT), data]
        };
        let short = header(&wav(b"RF64", u32::MAX, &chunks(4))).unwrap();
        assert!(short.data_bytes == 4 && short.plain().is_some());
        let long = header(&wav(b"RF64", u32::MAX, &chunks(5_000_000_000))).unwrap();
        assert!(long.data_bytes == 5_000_000_000 && long.plain().is_none());
    }

    #[test]
    fn damaged_headers_give_none_and_no_panic() {
        let format = chunk(b"fmt ", 16, &FORMAT);
        let good = wav(b"RIFF", 44, &[format, chunk(b"data", 4, &[1, 2, 3, 4])]);
        for at in 0..good.len() {
            let _ = header(&good[..at]);
            for value in [0, 0x7f, 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                let _ = header(&bad).and_then(|found| found.plain());
            }
        }
        assert_eq!(header(b"RIFF\0\0\0\0AVI LIST"), None);
    }
}
