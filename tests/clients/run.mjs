// node run.mjs CLIENT ACTION URL [ARGUMENT...]
//
// Does one thing with one official client, unchanged, against a server, and prints on its last line what the client made of it, as JSON:
// {"result": ...} or {"error": {...}}. Each client is a module beside this one that exports its actions by name.
const [client, action, url, ...rest] = process.argv.slice(2);
const actions = await import(`./${client}.mjs`);

async function run() {
  try {
    return { result: await actions[action](url, ...rest) };
  } catch (error) {
    // The clients of OpenAI and Anthropic name their errors by class alone.
    const name = error.name === "Error" ? error.constructor.name : error.name;
    return { error: { name, message: error.message, status: error.status_code ?? error.status ?? null } };
  }
}

const outcome = await run();
// Exits even when the client keeps a connection in its pool.
process.stdout.write(`\n${JSON.stringify(outcome)}\n`, () => process.exit(0));
