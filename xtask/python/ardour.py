"""Ardour without a window: sessions made by its Lua interpreter, bounced by its exporter.

Ardour's Lua has no call that imports sound without the editor, so regions are written into the
session file, in the format of version 7 (a position is `a` and superclock ticks, 282,240,000 a
second).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import wave
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
from checks import SAMPLE_RATE_HZ, vst3_path
from pedalboard.io import AudioFile

LIBRARIES = Path("/usr/lib/ardour7")
TICKS_PER_FRAME = 282_240_000 // SAMPLE_RATE_HZ
NAME = "bounce"
TIMEOUT_S = 300
ATTEMPTS = 6

HEAD = f"""
io.stdout:setvbuf("no")
AudioEngine:set_backend("None (Dummy)", "", "")

local function plugin_id() -- crashes before there is a session
    for plugin in ARDOUR.LuaAPI.list_plugins():iter() do
        if plugin.name == "Soloist" and plugin.type == ARDOUR.PluginType.VST3 then
            return plugin.unique_id
        end
    end
    error("Ardour does not list Soloist among its VST3 plugins")
end

local function create(folder)
    local session = create_session(folder, "{NAME}", {SAMPLE_RATE_HZ})
    assert(session, "no session at " .. folder)
    local tracks = session:new_audio_track(2, 2, nil, 1, "mix",
        ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
    local insert = ARDOUR.LuaAPI.new_plugin(session, plugin_id(), ARDOUR.PluginType.VST3, "")
    assert(not insert:isnil(), "Soloist cannot be loaded")
    for track in tracks:iter() do
        assert(track:add_processor_by_index(insert, 0, nil, true) == 0, "no insert on the track")
    end
    return session, insert
end

local function open(folder)
    local session = load_session(folder, "{NAME}")
    assert(session, "no session at " .. folder)
    for route in session:get_routes():iter() do
        local insert = route:nth_plugin(0)
        if not insert:isnil() then return session, insert end
    end
    error("the session has lost its plugin")
end

local function parameters(insert)
    local plugin, found = insert:to_insert():plugin(0), {{}}
    for index = 0, plugin:parameter_count() - 1 do
        local _, description = plugin:get_parameter_descriptor(index, ARDOUR.ParameterDescriptor())
        found[description[2].label] = index
    end
    return found
end

local function set(insert, name, value)
    local index = parameters(insert)[name]
    assert(index, "no parameter " .. name)
    assert(ARDOUR.LuaAPI.set_processor_param(insert, index, value), "cannot set " .. name)
end

local function show(insert)
    for name, index in pairs(parameters(insert)) do
        local value = ARDOUR.LuaAPI.get_processor_param(insert, index)
        print(string.format("parameter\\t%s\\t%.6f", name, value))
    end
    print(string.format("latency\\t%d", insert:signal_latency()))
end

local function save(session)
    ARDOUR.LuaAPI.usleep(500000) -- new values reach the plugin in its next blocks
    session:save_state("", false, false, false, false, false)
    close_session()
    quit()
end
"""


class KilledError(AssertionError):
    """A program of Ardour's was ended by a signal."""


def is_installed() -> bool:
    """Whether this machine has the Ardour that the session format here is of."""
    return (LIBRARIES / "luasession").is_file()


class Ardour:
    """Ardour with a home of its own, in which only the bundled VST3 is installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        plugins = folder / "home" / ".vst3"
        plugins.mkdir(parents=True)
        bundle = plugins / "Soloist.vst3"
        bundle.symlink_to(Path(vst3_path()).resolve())
        self.environment = {
            **os.environ,
            "HOME": str(folder / "home"),
            "XDG_CONFIG_HOME": str(folder / "home" / ".config"),
            "XDG_CACHE_HOME": str(folder / "home" / ".cache"),
            "LD_LIBRARY_PATH": str(LIBRARIES),
            "ARDOUR_DLL_PATH": str(LIBRARIES),
            "ARDOUR_DATA_PATH": "/usr/share/ardour7",
            "ARDOUR_CONFIG_PATH": "/etc/ardour7",
        }
        self.run("ardour-vst3-scanner", str(bundle))

    def run(self, program: str, *arguments: str) -> str:
        """Output of one of Ardour's programs."""
        command = [str(LIBRARIES / program), *arguments]
        done = subprocess.run(
            command, env=self.environment, cwd=self.folder, timeout=TIMEOUT_S, check=False,
            capture_output=True, text=True, errors="replace",
        )  # fmt: skip
        outcome = f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        if done.returncode < 0:
            raise KilledError(outcome)
        assert done.returncode == 0, outcome
        return done.stdout

    def lua(self, script: str) -> dict[str, float]:
        """Runs a script after `HEAD`; the parameters and the latency that it showed."""
        path = self.folder / "script.lua"
        path.write_text(HEAD + script)
        rows = (line.split("\t") for line in self.run("luasession", str(path)).splitlines())
        return {row[-2]: float(row[-1]) for row in rows if row[0] in ("parameter", "latency")}

    def session(self, name: str, mix: np.ndarray, **values: float) -> tuple[Path, dict[str, float]]:
        """A new session with the mix on a track and Soloist on it; its folder, what it showed.

        Parameters are named with `_` for a blank; values are plain (a step's number, a percentage).
        """
        folder = self.folder / name
        settings = "".join(
            f'set(insert, "{key.replace("_", " ")}", {value})\n' for key, value in values.items()
        )
        shown = self.lua(
            f'local session, insert = create("{folder}")\n{settings}show(insert)\nsave(session)'
        )
        place_mix(folder, mix)
        return folder, shown

    def reopen(self, folder: Path, script: str = "") -> dict[str, float]:
        """Opens a session, runs a script on it and saves it; what it showed."""
        return self.lua(
            f'local session, insert = open("{folder}")\n{script}\nshow(insert)\nsave(session)'
        )

    def automate(self, folder: Path, name: str, points: list[tuple[int, float]]) -> None:
        """Gives a parameter of a saved session points (frame, plain value) and plays them back."""
        adds = "".join(
            f"list:add(Temporal.timepos_t({frame}), {value}, false, true)\n"
            for frame, value in points
        )
        self.reopen(
            folder,
            f"""
            local index = parameters(insert)["{name}"]
            local _, list, _ = ARDOUR.LuaAPI.plugin_automation(insert, index)
            assert(not list:isnil(), "no automation of {name}")
            {adds}
            local kind = ARDOUR.AutomationType.PluginAutomation
            local control = insert:to_insert():to_automatable():automation_control(
                Evoral.Parameter(kind, 0, index), false)
            control:set_automation_state(ARDOUR.AutoState.Play)
            """,
        )

    def export(self, folder: Path) -> np.ndarray:
        """The session's range through the master bus, float32 of shape (channels, frames).

        The exporter of Ardour 7.3 corrupts its heap in about one run of five, on sessions without
        any plugin, too: a run that glibc ended is made again.
        """
        path = self.folder / "export.wav"
        arguments = ["-b", "float", "-o", str(path), str(folder), NAME]
        for attempt in range(ATTEMPTS):
            path.unlink(missing_ok=True)
            try:
                self.run("utils/ardour7-export", *arguments)
                break
            except KilledError:
                if attempt + 1 == ATTEMPTS:
                    raise
        with AudioFile(str(path)) as file:
            assert file.samplerate == SAMPLE_RATE_HZ, f"exported at {file.samplerate} Hz"
            return np.asarray(file.read(file.frames))

    def close(self) -> None:
        """Removes everything."""
        shutil.rmtree(self.folder)


def place_mix(folder: Path, mix: np.ndarray) -> None:
    """Puts the mix at the start of a session's track and makes it the session's range."""
    path = folder / f"{NAME}.ardour"
    tree = ElementTree.parse(path)
    root = tree.getroot()
    length = mix.shape[1] * TICKS_PER_FRAME
    region = {
        "name": "mix", "id": "9010", "type": "audio", "channels": str(len(mix)),
        "start": "a0", "length": f"a{length}@a0", "sync-position": "a0", "ancestral-start": "a0",
        "ancestral-length": "a0@a0", "stretch": "1", "shift": "1", "layering-index": "0",
        "muted": "0", "opaque": "1", "locked": "0", "automatic": "0", "whole-file": "0",
        "import": "0", "external": "0", "hidden": "0", "position-locked": "0",
        "valid-transients": "0", "fade-in-active": "0", "fade-out-active": "0",
        "default-fade-in": "0", "default-fade-out": "0", "scale-amplitude": "1",
        "first-edit": "nothing",
    }  # fmt: skip
    sources = node(root, "Sources")
    (sounds,) = (folder / "interchange").glob("*/audiofiles")
    for channel, samples in enumerate(mix):
        name = f"mix-{channel}.wav"
        with wave.open(str(sounds / name), "wb") as file:
            file.setparams((1, 2, SAMPLE_RATE_HZ, len(samples), "NONE", ""))
            file.writeframes(np.round(samples * 32768.0).astype("<i2").tobytes())
        source = str(9000 + channel)
        attributes = {
            "name": name, "id": source, "origin": name, "type": "audio", "channel": "0",
            "natural-position": "a0", "gain": "1", "flags": "", "take-id": "",
        }  # fmt: skip
        ElementTree.SubElement(sources, "Source", attributes)
        region |= {f"source-{channel}": source, f"master-source-{channel}": source}
    ElementTree.SubElement(node(root, "Playlists/Playlist"), "Region", region)
    session_range = {"id": "9020", "name": "session", "start": "a0", "end": f"a{length}",
                     "flags": "IsSessionRange", "locked": "0", "cue": "0"}  # fmt: skip
    ElementTree.SubElement(node(root, "Locations"), "Location", session_range)
    tree.write(path, encoding="UTF-8", xml_declaration=True)


def node(root: ElementTree.Element, path: str) -> ElementTree.Element:
    """An element that every session file has."""
    found = root.find(path)
    assert found is not None, f"the session file has no {path}"
    return found
