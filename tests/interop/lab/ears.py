"""Numbers from sound: which tone is heard when, where it is silent, how steep it is at its steepest. 8 kHz, 16 bits."""
import array
import dataclasses
import math
import wave

RATE = 8000
WINDOW = 160  # 20 ms


def read(path):
    """A recording as mono at 8 kHz; nothing while its header is not finished."""
    try:
        with wave.open(str(path)) as recording:
            channels, rate = recording.getnchannels(), recording.getframerate()
            if recording.getsampwidth() != 2 or rate % RATE != 0:
                raise AssertionError(f"{path}: {recording.getparams()} is not 16 bits at a multiple of 8 kHz")
            return at_8_khz(array.array("h", recording.readframes(recording.getnframes())), channels, rate)
    except (wave.Error, EOFError):
        return []


def at_8_khz(samples, channels, rate):
    """By the mean of what falls together: the tones here lie far below what that disturbs."""
    group = channels * rate // RATE
    if group == 1:
        return list(samples)
    columns = [samples[k::group] for k in range(group)]
    return [sum(column) // group for column in zip(*columns)]


def write_tone(path, hertz, seconds, level=8000):
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(array.array("h", tone(hertz, seconds, level)).tobytes())


def tone(hertz, seconds, level=8000):
    return [round(level * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(int(RATE * seconds))]


def share(samples, hertz):
    """How much of the energy of a few samples is at that frequency, 0 to 1 (Goertzel)."""
    energy = sum(x * x for x in samples)
    if energy < len(samples) * 50 * 50:
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * hertz / RATE)
    a = b = 0.0
    for x in samples:
        a, b = x + coefficient * a - b, a
    return min(1.0, (a * a + b * b - coefficient * a * b) * 2 / (len(samples) * energy))


@dataclasses.dataclass
class Run:
    """A stretch in which one thing is heard: a tone by its name, 'silence' or 'other'. In samples."""
    what: str
    start: int
    end: int

    def __str__(self):
        return f"{self.what} {self.start / 8:.0f}-{self.end / 8:.0f} ms"


def runs(samples, tones):
    """`tones`: {name: hertz}. Windows of 20 ms; a window in which two tones meet counts as 'other'."""
    found = []
    for start in range(0, len(samples) - WINDOW + 1, WINDOW):
        window = samples[start:start + WINDOW]
        name = "silence" if max(map(abs, window)) < 200 else "other"
        for tone_name, hertz in tones.items():
            if share(window, hertz) > 0.8:
                name = tone_name
        if found and found[-1].what == name:
            found[-1].end = start + WINDOW
        else:
            found.append(Run(name, start, start + WINDOW))
    return found


def longest_silence_ms(samples, threshold=200):
    longest = current = 0
    for x in samples:
        current = current + 1 if abs(x) < threshold else 0
        longest = max(longest, current)
    return longest / 8


def steepest(samples):
    return max((abs(b - a) for a, b in zip(samples, samples[1:])), default=0)


def describe(samples, tones):
    return ", ".join(map(str, runs(samples, tones))) or "nothing"


def check_flip(samples, before, after, tones, withheld=False, smooth=True):
    """The promise as a phone heard it. `samples`: from before one flip to after it. `withheld`: a code was keyed in this
    time, so the first tone has breaks where its digits were cut out. `smooth`: the splice is faded (G.711; a wideband codec's
    own decoder meets it as it can until there is transcoding). Returns (complaints, a line for people)."""
    heard = runs(samples, tones)
    stretches = [r.what for r in heard if r.what in tones]
    order = [name for i, name in enumerate(stretches) if i == 0 or stretches[i - 1] != name]
    if order != [before, after] or (len(stretches) > 2 and not withheld and smooth):
        return [f"heard {describe(samples, tones)}; expected {before}, then {after}"], ""
    last_before = max(r.end for r in heard if r.what == before)
    first_after = min(r.start for r in heard if r.what == after)
    seam = samples[max(0, last_before - WINDOW):first_after + WINDOW]
    around = max(steepest(samples[:max(0, last_before - WINDOW)]), steepest(samples[first_after + WINDOW:]))
    silence, step, mixed_ms = longest_silence_ms(seam), steepest(seam) / max(1, around), (first_after - last_before) / 8
    complaints = []
    if silence >= 20:
        complaints.append(f"{silence:.0f} ms of silence at the splice")
    if mixed_ms > (40 if smooth else 60):
        complaints.append(f"{mixed_ms:.0f} ms in which neither tone is heard alone")
    if smooth and step > 1.1:
        complaints.append(f"a step of {step:.2f} times the steepest around")
    return complaints, f"{before} -> {after}, silence {silence:.1f} ms, step x{step:.2f}"
