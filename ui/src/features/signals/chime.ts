/** Two short notes, up for a long signal and down for a short one; made here, not loaded. */

const NOTES = [659.26, 880];
const NOTE_S = 0.14;
const LOUDNESS = 0.08;
const PAUSE_MS = 1_000;

let context: AudioContext | undefined;
let playedAt = Number.NEGATIVE_INFINITY;

/** Play it, unless it has just been played: several signals of one bar are one sound. */
export function chime(direction: number): void {
  const now = performance.now();
  if (now - playedAt < PAUSE_MS) return;
  playedAt = now;
  context ??= new AudioContext();
  // A browser keeps a page quiet until somebody has used it.
  if (context.state === "suspended") void context.resume();
  const begin = context.currentTime + 0.02;
  (direction > 0 ? NOTES : [...NOTES].reverse()).forEach((frequency, place) =>
    play(context!, frequency, begin + place * NOTE_S),
  );
}

function play(on: AudioContext, frequency: number, at: number): void {
  const note = on.createOscillator();
  const volume = on.createGain();
  note.type = "sine";
  note.frequency.value = frequency;
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(LOUDNESS, at + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.0001, at + NOTE_S);
  note.connect(volume).connect(on.destination);
  note.start(at);
  note.stop(at + NOTE_S);
}
