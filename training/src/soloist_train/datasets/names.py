"""What stems are called, and which songs may not be learned from."""

from __future__ import annotations

import re

VALIDATION = (
    "Actions - One Minute Smile", "Clara Berry And Wooldog - Waltz For My Victims",
    "Johnny Lokke - Promises & Lies", "Patrick Talbot - A Reason To Leave",
    "Triviul - Angelsaint", "Alexander Ross - Goodbye Bolero", "Fergessen - Nos Palpitants",
    "Leaf - Summerghost", "Skelpolu - Human Mistakes", "Young Griffo - Pennies",
    "ANiMAL - Rockshow", "James May - On The Line", "Meaxic - Take A Step",
    "Traffic Experiment - Sirens",
)  # fmt: skip
"""MUSDB18's official validation list: never trained on."""
TEST = (
    "AM Contra - Heart Peripheral", "Al James - Schoolboy Facination",
    "Angels In Amplifiers - I'm Alright", "Arise - Run Run Run", "BKS - Bulldozer",
    "BKS - Too Much", "Ben Carrigan - We'll Talk About It All Tonight",
    "Bobby Nobody - Stitch Up", "Buitraker - Revo X", "Carlos Gonzalez - A Place For Us",
    "Cristina Vane - So Easy", "Detsky Sad - Walkie Talkie", "Enda Reilly - Cur An Long Ag Seol",
    "Forkupines - Semantics", "Georgia Wonder - Siren", "Girls Under Glass - We Feel Alright",
    "Hollow Ground - Ill Fate", "James Elder & Mark M Thompson - The English Actor",
    "Juliet's Rescue - Heartbeats", "Little Chicago's Finest - My Own",
    "Louis Cressy Band - Good Time", "Lyndsey Ollard - Catching Up", "M.E.R.C. Music - Knockout",
    "Moosmusic - Big Dummy Shake", "Motor Tapes - Shore", "Mu - Too Bright",
    "Nerve 9 - Pray For The Rain", "PR - Happy Daze", "PR - Oh No", "Punkdisco - Oral Hygiene",
    "Raft Monk - Tiring", "Sambasevam Shanmugam - Kaathaadi", "Secretariat - Borderline",
    "Secretariat - Over The Top", "Side Effects Project - Sing With Me",
    "Signe Jakobsen - What Have You Done To Me", "Skelpolu - Resurrection",
    "Speak Softly - Broken Man", "Speak Softly - Like Horses", "The Doppler Shift - Atrophy",
    "The Easton Ellises (Baumi) - SDRNR", "The Easton Ellises - Falcon 69",
    "The Long Wait - Dark Horses", "The Mountaineering Club - Mallory",
    "The Sunshine Garcia Band - For I Am The Moon", "Timboz - Pony", "Tom McKenzie - Directions",
    "Triviul feat. The Fiend - Widow", "We Fell From The Sky - Not You", "Zeno - Signs",
)  # fmt: skip
"""MUSDB18's 50 test songs: only final scores are measured on them."""
FREE_RESERVED = ("Francium", "Lithium")
"""Songs of "Everything is Free" that only final scores are measured on."""
MDB_HELD_OUT = ("Zeppelin", "Shadows")
"""Music Delta songs that guitar is validated on."""

WORDS = {
    "vocals": "vocal vocals vox voice voices singer sing choir bgv backings",
    "drums": "drum drums drumkit kick snare tom toms hat hats hihat cymbal cymbals overhead "
             "overheads percussion perc shaker tambourine clap claps conga congas",
    "bass": "bass basses bassline contrabass sub",
    "guitar": "guitar guitars gtr gtrs",
    "piano": "piano pianos rhodes wurlitzer",
    "other": "other others rest synth synths strings string brass organ keys keyboard keyboards "
             "pad pads sax saxophone flute violin violins cello trumpet trombone horn horns "
             "woodwind wind fx accordion banjo mandolin ukulele harmonica",
}  # fmt: skip
"""Words in file names that tell a stem's source."""
MIXTURE_WORDS = frozenset("mix mixture master mixdown".split())
_SOURCE_OF = {word: source for source, words in WORDS.items() for word in words.split()}


def source_of_name(name: str) -> str | None:
    """The source that a stem's file name tells, "mixture", or None.

    The last telling word decides ("Guitar Man - Vocals" is a voice); letter case, digits and
    punctuation do not count.
    """
    words = re.findall(r"[^\W\d_]+", name.casefold())
    if words[-2:] == ["bass", "guitar"]:
        return "bass"
    for word in reversed(words):
        if word in _SOURCE_OF:
            return _SOURCE_OF[word]
    return "mixture" if MIXTURE_WORDS & set(words) else None


def standing(track: str) -> str | None:
    """What a song of MUSDB18 is kept for: "validation" or "reserved" may not be learned from."""
    folded = track.casefold()
    if folded in _VALIDATION:
        return "validation"
    return "reserved" if folded in _TEST else None


_VALIDATION = frozenset(name.casefold() for name in VALIDATION)
_TEST = frozenset(name.casefold() for name in TEST)
