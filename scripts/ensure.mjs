/**
 * Makes a fresh clone ready to run, and does nothing if it is ready: packages as package-lock.json says, dist/ as the
 * sources say. Plain JavaScript without packages, since there may be none yet.
 *
 * Several of these may run at once (npm start in one terminal, npm test in another): a lock makes them wait for each
 * other.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

const DIST = join(ROOT, 'dist');
const STAMP = join(DIST, '.stamp');
const BUILD_INFO = join(DIST, '.tsbuildinfo');
const INSTALL_STAMP = join(ROOT, 'node_modules', '.atdd-installed');
const SOURCE_FOLDERS = ['src', 'streams', 'config', 'test'];
const NODE_MIN = [20, 19];

/** Installs and builds if that is needed. */
export async function ensureReady() {
  ensureNode();
  if (isInstalled() && isBuilt()) return;
  await withLock(join(DIST, '.lock'), say, async () => {
    if (!isInstalled()) await install();
    if (!isBuilt()) await compile();
  });
}

/** Installs if that is needed, and builds in any case. */
export async function build() {
  ensureNode();
  await withLock(join(DIST, '.lock'), say, async () => {
    if (!isInstalled()) await install();
    await compile();
  });
}

/** Runs Node with these arguments in the project; resolves to the exit code. */
export function runNode(args, env = process.env) {
  return runProgram(process.execPath, args, env);
}

/** The path of a program that a package brings, to be run with Node. */
export function binOf(packageName, path) {
  return join(ROOT, 'node_modules', packageName, path);
}

function say(text) {
  process.stderr.write(`atdd: ${text}\n`);
}

function ensureNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) return;
  say(`this needs Node ${NODE_MIN.join('.')} or newer, and is Node ${process.versions.node}`);
  process.exit(1);
}

function sha256(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}

function readOr(path, otherwise) {
  return existsSync(path) ? readFileSync(path, 'utf8') : otherwise;
}

// Packages

/** Whether node_modules is what package-lock.json asks for, whoever installed it. */
function isInstalled() {
  const wanted = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
  // npm writes this list last: it is missing if an installation was cut short.
  const hidden = readOr(join(ROOT, 'node_modules', '.package-lock.json'), null);
  if (hidden === null) return false;
  const stamp = sha256(wanted, hidden);
  if (readOr(INSTALL_STAMP, '') === stamp) return true;
  if (!samePackages(JSON.parse(wanted).packages, JSON.parse(hidden).packages)) return false;
  try {
    writeFileSync(INSTALL_STAMP, stamp);
  } catch {
    // It saves the comparison next time, nothing more: a checkout may be read-only.
  }
  return true;
}

function samePackages(wanted, installed) {
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true;
    const found = installed[path];
    // Optional packages of other platforms are left out.
    return found === undefined ? optional === true : found.version === version;
  });
}

async function install() {
  say('installing packages (npm ci)');
  // Run through npm, the very same npm is at hand; else it is on the path.
  const npm = process.env.npm_execpath;
  // Development packages are needed to build, also where NODE_ENV=production.
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  const code =
    npm !== undefined && /\.[cm]?js$/.test(npm)
      ? await runNode([npm, ...args])
      : await runProgram('npm', args, process.env);
  if (code !== 0) fail('the packages could not be installed', code);
  if (!isInstalled()) fail('npm ci went well, but node_modules is not what package-lock.json says', 1);
}

// Build

function isBuilt() {
  return readOr(STAMP, '') === sourceStamp() && missingOutputs().length === 0;
}

function sources() {
  return SOURCE_FOLDERS.flatMap((folder) =>
    existsSync(join(ROOT, folder))
      ? readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
          .map((entry) => relative(ROOT, join(entry.parentPath ?? entry.path, entry.name)))
      : [],
  ).sort();
}

/** Changes with everything that the compiler reads. */
function sourceStamp() {
  const fixed = ['package.json', 'package-lock.json', 'tsconfig.json', 'scripts/ensure.mjs'];
  const inputs = [...fixed, ...sources()];
  return sha256(...inputs.flatMap((path) => [path, readFileSync(join(ROOT, path))]));
}

function outputOf(source) {
  return join(DIST, source.replace(/\.ts$/, '.js'));
}

function missingOutputs() {
  const compiled = sources().filter((source) => !source.endsWith('.d.ts'));
  return [...compiled.map(outputOf), join(DIST, 'main.js')].filter((path) => !existsSync(path));
}

const LAUNCHER = `#!/usr/bin/env node
import './src/main.js';
`;

async function compile() {
  say('building');
  const stamp = sourceStamp();
  rmSync(STAMP, { force: true });
  mkdirSync(DIST, { recursive: true });
  // The compiler believes its notes, not the folder: without notes it writes everything again.
  if (missingOutputs().length > 0) rmSync(BUILD_INFO, { force: true });
  const code = await runNode([binOf('typescript', 'bin/tsc'), '-p', ROOT]);
  if (code !== 0) fail('the build failed', code);
  removeOrphans();
  writeFileSync(join(DIST, 'main.js'), LAUNCHER);
  chmodSync(join(DIST, 'main.js'), 0o755);
  // Sources that changed meanwhile do not match this stamp, so the next run builds again.
  writeFileSync(STAMP, stamp);
}

/** Output of sources that are gone: a test among it would still run. */
function removeOrphans() {
  const known = new Set(sources().map((source) => source.replace(/\.ts$/, '')));
  for (const folder of SOURCE_FOLDERS.filter((name) => existsSync(join(DIST, name)))) {
    for (const entry of readdirSync(join(DIST, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath ?? entry.path, entry.name);
      const source = relative(DIST, path).replace(/\.(?:d\.ts|js)(?:\.map)?$/, '');
      if (!known.has(source)) rmSync(path);
    }
  }
}

function fail(text, code) {
  say(text);
  process.exit(code === 0 ? 1 : code);
}

function runProgram(program, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: ROOT, stdio: 'inherit', env });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
