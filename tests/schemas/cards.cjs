// SPDX-License-Identifier: Apache-2.0
// cards.cjs FILE: judges Adaptive Cards (a JSON list) with Microsoft's own library, and their Markdown with
// the parser that Teams uses. Prints what is wrong, a line each.
"use strict";
const fs = require("fs");
const cards = require("adaptivecards/dist/adaptivecards.js");
const markdown = require("markdown-it")("commonmark", { html: false });

/* What the library complains about when it reads the card as one of its own version. */
function complaints(payload) {
	const context = new cards.SerializationContext(cards.Versions.v1_4);
	const card = new cards.AdaptiveCard();
	const found = [];

	card.parse(payload, context);
	for (let i = 0; i < context.eventCount; i++)
		found.push(context.getEventAt(i).message);
	return found.concat(card.validateProperties().validationEvents.map(event => event.message));
}

function texts(value) {
	if (Array.isArray(value))
		return value.flatMap(texts);
	if (value === null || typeof value !== "object")
		return [];
	const own = value.type === "TextBlock" ? [value.text]
		: value.type === "FactSet" ? value.facts.flatMap(fact => [fact.title, fact.value]) : [];
	return own.concat(Object.values(value).flatMap(texts));
}

/* Paragraphs and line breaks are all that alert text may become. */
function formatted(text) {
	return markdown.render(text).replace(/<p>|<br \/>|<\/[^>]*>/g, "").match(/<[^>]*>/g) || [];
}

JSON.parse(fs.readFileSync(process.argv[2], "utf8")).forEach((payload, number) => {
	for (const complaint of complaints(payload))
		console.log(`card ${number}: ${complaint}`);
	for (const text of texts(payload.body))
		for (const tag of formatted(text))
			console.log(`card ${number}: ${tag} from ${JSON.stringify(text.slice(0, 200))}`);
});
