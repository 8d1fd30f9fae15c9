/** Addresses of processes: "host:port", with an IPv6 address in brackets. */
import { BlockList, isIP, isIPv4 } from 'node:net';

export interface Address {
  /** An IPv4 address, an IPv6 address without brackets, or a name. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

export const PORT_MAX = 65_535;

/** The shape of an address, for the JSON Schema; `parseAddress` is stricter. */
export const ADDRESS_PATTERN = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$/;

const NAME_LENGTH_MAX = 253;
const LABEL_PATTERN = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/;

/** @returns null if `text` is not an address. */
export function parseAddress(text: string): Address | null {
  if (!ADDRESS_PATTERN.test(text)) return null;
  const colon = text.lastIndexOf(':');
  const port = Number(text.slice(colon + 1));
  if (port < 1 || port > PORT_MAX) return null;
  const written = text.slice(0, colon);
  if (written.startsWith('[')) {
    const host = written.slice(1, -1);
    return isIP(host) === 6 ? { host, port } : null;
  }
  return isIPv4(written) || isName(written) ? { host: written, port } : null;
}

function isName(host: string): boolean {
  if (host.length > NAME_LENGTH_MAX) return false;
  const labels = host.split('.');
  // A name that ends in a number would be read as a (wrong) IPv4 address.
  return labels.every((label) => LABEL_PATTERN.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '');
}

/** The form in which two spellings of one address are equal. */
export function canonicalAddress({ host, port }: Address): string {
  const name = isIP(host) === 6 ? new URL(`http://[${host}]`).hostname : host.toLowerCase();
  return `${name}:${port}`;
}

/** The address as it is written in a configuration, for people and logs. */
export function describeAddress({ host, port }: Address): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether messages to that host never leave this machine. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
