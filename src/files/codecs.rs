//! Compressed and unusual files through symphonia, encoder delay and padding trimmed.

use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AC3, CODEC_ID_ADPCM_IMA_WAV, CODEC_ID_ADPCM_MS, CODEC_ID_EAC3, CODEC_ID_OPUS,
};
use symphonia::core::codecs::audio::{
    AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions,
};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::well_known::{FORMAT_ID_AIFF, FORMAT_ID_FLAC, FORMAT_ID_ISOMP4};
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::mp4_edit::{self, Edit};
use super::read::{AudioSource, StreamInfo};
use super::read_error::SourceError;

pub(super) struct CodecSource {
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track_id: u32,
    info: StreamInfo,
    /// The first decoded packet: it tells the real rate and channels, which headers may lack.
    first: Option<Vec<Vec<f32>>>,
    planes: Vec<Vec<f32>>,
    skip_frames: u64,
    left_frames: Option<u64>,
}

impl CodecSource {
    /// Finds the kind of the file by its content (the extension is a hint only), reads its header
    /// and decodes the first packet.
    pub(super) fn open(path: &Path, file: File) -> Result<Self, SourceError> {
        contained(|| Self::open_unguarded(path, file))
    }

    fn open_unguarded(path: &Path, mut file: File) -> Result<Self, SourceError> {
        let edit = mp4_edit::read_edit(&mut file);
        file.seek(SeekFrom::Start(0)).map_err(SourceError::Io)?;
        let stream = MediaSourceStream::new(Box::new(file), Default::default());
        let mut hint = Hint::new();
        if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
            hint.with_extension(extension);
        }
        let format = symphonia::default::get_probe()
            .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(from_probe)?;
        let track = format
            .default_track(TrackType::Audio)
            .ok_or_else(|| SourceError::Unsupported("a file without an audio track".into()))?;
        let (params, decoder) = open_decoder(track)?;
        let is_mp4 = format.format_info().format == FORMAT_ID_ISOMP4;
        let edit = edit.filter(|_| is_mp4).unwrap_or(Edit::NONE);
        let info = StreamInfo {
            sample_rate_hz: params.sample_rate.unwrap_or(0),
            num_channels: params.channels.as_ref().map_or(0, |channels| channels.count()),
            stated_frames: edit.frames.or(track.num_frames),
            length_is_exact: [FORMAT_ID_AIFF, FORMAT_ID_FLAC]
                .contains(&format.format_info().format),
        };
        let mut source = Self {
            track_id: track.id,
            format,
            decoder,
            info,
            first: None,
            planes: Vec::new(),
            skip_frames: edit.skip_frames,
            left_frames: edit.frames,
        };
        source.prime()?;
        Ok(source)
    }

    fn prime(&mut self) -> Result<(), SourceError> {
        if let Some((sample_rate_hz, num_channels)) = self.decode_packet()? {
            self.info = StreamInfo { sample_rate_hz, num_channels, ..self.info };
            self.first = Some(std::mem::take(&mut self.planes));
        } else {
            // Nothing to decode: let the reader say so, not complain about the header.
            self.info.sample_rate_hz = self.info.sample_rate_hz.max(1);
            self.info.num_channels = self.info.num_channels.max(1);
        }
        Ok(())
    }

    /// Decodes the next packet that holds frames into `planes`. Returns its rate and channels, or
    /// `None` at the end.
    fn decode_packet(&mut self) -> Result<Option<(u32, usize)>, SourceError> {
        loop {
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(None),
                Err(Error::ResetRequired) => {
                    return Err(SourceError::Unsupported(
                        "several Ogg streams chained in one file".into(),
                    ));
                }
                Err(error) => return Err(from_decode(&error)),
            };
            if packet.track_id != self.track_id {
                continue;
            }
            let decoded = self.decoder.decode(&packet).map_err(|error| from_decode(&error))?;
            if decoded.frames() == 0 {
                continue;
            }
            decoded.copy_to_vecs_planar(&mut self.planes);
            return Ok(Some((decoded.spec().rate(), decoded.num_planes())));
        }
    }

    /// Applies the edit of an MP4 file to the decoded packet.
    fn frames_to_keep(&mut self) -> std::ops::Range<usize> {
        let num_frames = self.planes.first().map_or(0, Vec::len);
        let start = self.skip_frames.min(num_frames as u64) as usize;
        self.skip_frames -= start as u64;
        let left = self.left_frames.unwrap_or(u64::MAX).min((num_frames - start) as u64) as usize;
        if let Some(total) = &mut self.left_frames {
            *total -= left as u64;
        }
        start..start + left
    }
}

impl AudioSource for CodecSource {
    fn info(&self) -> StreamInfo {
        self.info
    }

    fn append(&mut self, channels: &mut [Vec<f32>]) -> Result<bool, SourceError> {
        if let Some(first) = self.first.take() {
            self.planes = first;
        } else {
            let decoded = contained(|| self.decode_packet())?;
            let Some((sample_rate_hz, num_channels)) = decoded else {
                return Ok(false);
            };
            if (sample_rate_hz, num_channels) != (self.info.sample_rate_hz, self.info.num_channels)
            {
                return Err(SourceError::Damaged(format!(
                    "expected {} channels at {} Hz throughout, found {num_channels} at \
                     {sample_rate_hz} Hz",
                    self.info.num_channels, self.info.sample_rate_hz
                )));
            }
        }
        let kept = self.frames_to_keep();
        for (channel, plane) in channels.iter_mut().zip(&self.planes) {
            channel.extend_from_slice(&plane[kept.clone()]);
        }
        Ok(self.left_frames != Some(0))
    }
}

/// Turns a panic of a decoder into an error: symphonia 0.6.1 overflows on some damaged headers. The
/// source is not used again after an error, so no broken state is seen.
fn contained<T>(work: impl FnOnce() -> Result<T, SourceError>) -> Result<T, SourceError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(SourceError::Damaged("a value so wrong that the decoder gave up".into()))
    })
}

fn open_decoder(
    track: &Track,
) -> Result<(AudioCodecParameters, Box<dyn AudioDecoder>), SourceError> {
    let params = track
        .codec_params
        .as_ref()
        .and_then(|params| params.audio())
        .ok_or_else(|| SourceError::Unsupported("an audio track of unknown coding".into()))?;
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(params, &AudioDecoderOptions::default())
        .map_err(|error| SourceError::Unsupported(coding_name(params.codec, &error)))?;
    Ok((params.clone(), decoder))
}

/// A name for a coding that is met in the wild but not read.
fn coding_name(codec: AudioCodecId, error: &Error) -> String {
    match codec {
        CODEC_ID_OPUS => "Opus".into(),
        CODEC_ID_AC3 => "AC-3".into(),
        CODEC_ID_EAC3 => "E-AC-3".into(),
        CODEC_ID_ADPCM_MS | CODEC_ID_ADPCM_IMA_WAV => "ADPCM".into(),
        // AAC of a profile beyond low complexity, for one.
        _ => format!("a coding that is not supported ({error})"),
    }
}

fn from_probe(error: Error) -> SourceError {
    match error {
        Error::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            SourceError::Unsupported("a file that ends within its header".into())
        }
        Error::IoError(error) => SourceError::Io(error),
        Error::Unsupported(_) => SourceError::Unsupported("none of their marks".into()),
        error => SourceError::Unsupported(format!("a header with an error ({error})")),
    }
}

fn from_decode(error: &Error) -> SourceError {
    match error {
        Error::IoError(io) if io.kind() == ErrorKind::UnexpectedEof => {
            SourceError::Damaged("the file ends within a packet".into())
        }
        Error::Unsupported(what) => SourceError::Unsupported(format!("audio with {what}")),
        error => SourceError::Damaged(error.to_string()),
    }
}
