// Builds the page into the folder that is named: node build.mjs FOLDER. Run by Dashboard.targets; whoever comes second waits, and finds it done.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const web = dirname(fileURLToPath(import.meta.url));
const output = resolve(process.argv[2]);
const lock = join(output, 'lock');
const stamp = join(output, 'stamp');
const files = join(output, 'files');

mkdirSync(output, { recursive: true });
takeLock();
try {
  if (!isDone()) {
    build();
    writeFileSync(stamp, '');
  }
} finally {
  rmSync(lock, { recursive: true, force: true });
}

function build() {
  const installed = join(web, 'node_modules', '.package-lock.json');
  if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(join(web, 'package-lock.json')).mtimeMs) {
    run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  run(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '--noEmit']);
  run(process.execPath, [join('node_modules', 'vite', 'bin', 'vite.js'), 'build', '--outDir', files, '--emptyOutDir', '--logLevel', 'warn']);

  // The page is found at two addresses, /analytics and /analytics/, from which the same file has different relative names.
  const page = readFileSync(join(files, 'index.html'), 'utf8');
  writeFileSync(join(files, 'index.above.html'), page.replaceAll('="./', '="./analytics/'));
  for (const name of readdirSync(files, { recursive: true, withFileTypes: true })) {
    if (name.isFile()) {
      const path = join(name.parentPath, name.name);
      const bytes = readFileSync(path);
      writeFileSync(
        `${path}.br`,
        brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
      );
      writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
    }
  }
}

function run(command, args) {
  // On Windows npm is a script, which only a shell runs; nothing in the arguments comes from outside.
  const { status, error } = spawnSync(command, args, { cwd: web, stdio: 'inherit', shell: command === 'npm' && process.platform === 'win32' });
  if (status !== 0) {
    console.error(`dashboard: ${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`);
    rmSync(lock, { recursive: true, force: true });
    process.exit(status || 1);
  }
}

function isDone() {
  if (!existsSync(stamp)) {
    return false;
  }
  const made = statSync(stamp).mtimeMs;
  const sources = readdirSync(web, { withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(web, file.name));
  sources.push(
    ...readdirSync(join(web, 'src'), { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile())
      .map((file) => join(file.parentPath, file.name)),
  );
  return sources.every((file) => statSync(file).mtimeMs < made);
}

// A folder, because making one succeeds for one process alone. Who died with it is noticed by its process number.
function takeLock() {
  for (;;) {
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, String(process.pid)), '');
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') {
        throw error;
      }
    }
    const owner = existsSync(lock) ? Number(readdirSync(lock)[0] ?? 0) : 0;
    if (owner && !isAlive(owner)) {
      rmSync(lock, { recursive: true, force: true });
    } else {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
}

function isAlive(id) {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
