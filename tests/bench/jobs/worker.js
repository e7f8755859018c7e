// SPDX-License-Identifier: Apache-2.0
// worker.js MODE CONNECTION URL JOBS fill|work: a job queue of npm whose jobs are one POST each. `fill` puts
// the jobs in, `work` does them until it is killed.
import http from "node:http";

const [mode, connectionString, url, jobs, what] = process.argv.slice(2);
const IN_FLIGHT = 64;
const agent = new http.Agent({ keepAlive: true, maxSockets: IN_FLIGHT });

function payload(n) {
	return { id: `bench-${String(n).padStart(9, "0")}`, text: "the shop does not answer ".repeat(8) };
}

function post(body) {
	return new Promise((resolve, reject) => {
		const text = JSON.stringify(body);
		const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
		const request = http.request(url, { agent, method: "POST", headers }, (reply) => {
			reply.resume();
			reply.on("end", () => (reply.statusCode === 200 ? resolve() : reject(new Error("refused"))));
		});
		request.on("error", reject);
		request.end(text);
	});
}

async function inBatches(add) {
	for (let first = 0; first < jobs; first += 1000) {
		await add(Array.from({ length: Math.min(1000, jobs - first) }, (_, n) => payload(first + n)));
	}
}

async function graphile(tuned) {
	const { makeWorkerUtils, run } = await import("graphile-worker");
	if (what === "fill") {
		const utils = await makeWorkerUtils({ connectionString });
		await utils.migrate();
		await inBatches((batch) => utils.addJobs(batch.map((each) => ({ identifier: "post", payload: each }))));
		await utils.release();
		return;
	}
	const batching = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
	const worker = { connectionString, concurrentJobs: IN_FLIGHT, maxPoolSize: 20, ...(tuned ? batching : {}) };
	const quiet = { createLogger: true };
	const { Logger } = await import("graphile-worker");
	await run({ preset: { worker: { ...worker, logger: new Logger(() => () => quiet) } },
		taskList: { post } });
}

async function boss() {
	const { default: PgBoss } = await import("pg-boss");
	const it = new PgBoss({ connectionString, max: 20 });
	it.on("error", (why) => console.error(why));
	await it.start();
	if (what === "fill") {
		await it.createQueue("post");
		await inBatches((batch) => it.insert(batch.map((each) => ({ name: "post", data: each }))));
		await it.stop();
		return;
	}
	const options = { batchSize: 500, pollingIntervalSeconds: 0.5 };
	const work = (batch) => Promise.all(batch.map((each) => post(each.data)));
	for (let workers = 0; workers < 4; workers++) await it.work("post", options, work);
}

await (mode === "pg-boss" ? boss() : graphile(mode === "graphile-tuned"));
if (what === "fill") process.exit(0);
