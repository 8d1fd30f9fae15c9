/** Numbers of the command line: read from text and checked, and written for people. */
import { InvalidArgumentError } from 'commander';

/**
 * For commander: reads a whole number from `min` to `max`. The function throws InvalidArgumentError for any other text.
 */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    const limit = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`It has to be a whole number, ${limit}.`);
  };
}

/** For commander: reads any number from `min` to `max`. The function throws InvalidArgumentError for any other text. */
export function decimalNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It has to be a number from ${min} to ${max}.`);
  };
}

/** The index of a sector, or a count of sectors. */
export const sectorNumber = wholeNumber(0, Number.MAX_SAFE_INTEGER);
export const countNumber = wholeNumber(1, Number.MAX_SAFE_INTEGER);

/** For commander: reads seconds to wait. @returns milliseconds, at most as many as Node's timers take. */
export function secondsAsMs(text: string): number {
  return Math.ceil(decimalNumber(0.001, 2_000_000)(text) * 1_000);
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** 1536 -> "1.5 KiB". */
export function describeBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** 75 -> "1 min 15 s". */
export function describeSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'unknown';
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
