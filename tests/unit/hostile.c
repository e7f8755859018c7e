/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (64 * 1024)

static const char *const pieces[] = {
	/* mentions */
	"<!channel>",
	"<!here|here>",
	"<!everyone>",
	"<@U012AB3CD>",
	"<@W012AB3CD|boss>",
	"<#C012AB3CD>",
	"<!subteam^S012AB3CD>",
	"<!date^1392734382^{date}|x>",
	"@everyone",
	"@here",
	"@channel",
	"@all",
	"<@123456789012345678>",
	"<@!123456789012345678>",
	"<@&123456789012345678>",
	"<#123456789012345678>",
	"<:name:123456789012345678>",
	"<a:name:123456789012345678>",
	"<t:1618953630:R>",
	"</command:123456789012345678>",
	"<id:customize>",
	"<at>Everyone</at>",
	"<at id=\"0\">x</at>",
	"@_user_1",
	"@U+FF20:＠everyone",
	":rotating_light:",
	"[@x](tg://user?id=1)",
	"@12025550123",
	/* links */
	"https://evil.example.com/",
	"http://evil.example.com/a?b=c&d=e#f",
	"www.evil.example.com",
	"evil.example.com/x",
	"<https://evil.example.com|https://bank.example.com>",
	"<https://evil.example.com>",
	"<mailto:x@example.com|x>",
	"[text](https://evil.example.com)",
	"[text](<https://evil.example.com> \"title\")",
	"![image](https://evil.example.com/pixel)",
	"[text][1]\n\n[1]: https://evil.example.com",
	"[https://bank.example.com]"
	"(https://evil.example.com)",
	"javascript:alert(1)",
	"data:text/html,<script>alert(1)</script>",
	"file:///etc/passwd",
	"vbscript:x",
	"JaVaScRiPt:alert(1)",
	"https://example.com/)](x)",
	"https://example.com/>|<!channel>",
	"https://example.com/\"onclick=\"x",
	"https://u:p@example.com/",
	"https://example.com/ x",
	"https://example.com/\r\nX: y",
	"//evil.example.com",
	"tel:+12025550123",
	"x@example.com",
	"https://example.com/%0d%0aX:y",
	"https://example.com/'><b>",
	"discord.gg/x",
	"steam://run/1",
	"https://example.com\\@evil.example.com",
	"http://[::1]/",
	"https://",
	/* markup */
	"**bold**",
	"*bold*",
	"__under__",
	"_it_",
	"***x***",
	"~~gone~~",
	"~gone~",
	"||spoiler||",
	"`code`",
	"``code``",
	"```\nblock\n```",
	"~~~\nblock\n~~~",
	"> quote",
	">>> quote",
	"# heading",
	"### heading",
	"-# small",
	"heading\n===",
	"- item",
	"* item",
	"+ item",
	"1. item",
	"2) item",
	"| a | b |\n|---|---|",
	"---",
	"***",
	"    code",
	"\\",
	"\\*",
	"\\\\",
	"<br>",
	"\\n",
	"[ ] task",
	"[x]",
	"](",
	")[",
	"!",
	"^up^",
	"==mark==",
	"$x$",
	":::",
	"{color:red}x{color}",
	"h1. x",
	"'''wiki'''",
	"[[wiki]]",
	"{{template}}",
	"\n\n\n\n",
	"\n- a\n  - b",
	"\n1. x",
	"\n# x",
	"\n> x",
	/* HTML, XML */
	"<script>alert(1)</script>",
	"</script>",
	"<img src=x onerror=alert(1)>",
	"<b>bold</b>",
	"<a href=\"https://evil.example.com\">x</a>",
	"</title><h1>",
	"<!--",
	"-->",
	"<![CDATA[",
	"]]>",
	"<?xml version=\"1.0\"?>",
	"<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>",
	"&e;",
	"&lt;",
	"&#60;b&#62;",
	"&amp;lt;",
	"&",
	"<",
	">",
	"\"",
	"'",
	"\" onclick=\"x",
	"<style>*{}</style>",
	"<iframe src=//x>",
	"<svg/onload=x>",
	"</td></table>",
	"<base href=//x>",
	"&nbsp;",
	"&#x3c;",
	/* JSON, YAML, records */
	"\"},\"injected\":{\"a\":\"",
	"\"],\"mentions\":[\"everyone",
	"\\\"",
	"\\u0000",
	"\\ud800",
	"{}",
	"[]",
	"null",
	"\": !!python/object",
	"&anchor *alias",
	"- x: y",
	"key: value",
	"%YAML 1.2",
	"\t",
	",",
	"a,b;c\td",
	"=cmd|' /C calc'!A0",
	"+1+1",
	"@SUM(1)",
	"--",
	"\\.",
	"\\N",
	/* mail and HTTP headers, dialogues */
	"\r\nBcc: evil@example.com",
	"\nBcc: evil@example.com",
	"\rBcc: evil@example.com",
	"\r\n\r\n<html>",
	"\r\n.\r\nMAIL FROM:<evil@example.com>\r\n",
	"\n.\n",
	"\r.\r",
	"\n.\r\n",
	".",
	"..",
	"=?utf-8?q?=0d=0aBcc:_x?=",
	"=?utf-8?b?PHNjcmlwdD4=?=",
	"From evil",
	"\nFrom evil",
	"--boundary",
	"\r\n--boundary--\r\n",
	"Content-Type: text/html\r\n\r\n",
	"x\r\nX-Evil: 1",
	"=0D=0A",
	"%0d%0aX-Evil:%201",
	"\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\n",
	"<evil@example.com>",
	"evil@example.com,second@example.com",
	"\"x\" <evil@example.com>",
	"a@b@c",
	"x\tevil",
	/* syslog */
	"<0>1 - - - - - - x",
	"\n<0>Jan  1 00:00:00 evil x: y",
	"\"] [evil x=\"y\"]",
	"\\\"]",
	"]",
	"[x@1 y=\"",
	"12 <13>1 - - - -",
	"\xef\xbb\xbf",
	/* templates, shells, formats, SQL, paths */
	"{{ .title }}",
	"{{ env }}",
	"{{ 1 | unsafe }}",
	"{{",
	"}}",
	"{% x %}",
	"<%= 7*7 %>",
	"${7*7}",
	"#{7*7}",
	"${env:HOME}",
	"${file:/etc/passwd}",
	"${cred:x}",
	"$(id)",
	"`id`",
	"; id",
	"| id",
	"&& id",
	"$HOME",
	"%PATH%",
	"%s%n%s%n",
	"%00",
	"$ENV.HOME",
	"\\(1+1)",
	"input",
	"\") | env | (\"",
	"' OR 1=1 --",
	"'; DROP TABLE x; --",
	"../../../etc/passwd",
	"/etc/passwd",
	"..\\..\\x",
	"a/b",
	"CON",
	"~root",
	"*",
	"?",
	"-rf",
	"--help",
	"-",
	/* terminals and controls */
	"\x1b[2J",
	"\x1b]0;title\x07",
	"\x1b]8;;https://evil.example.com\x1b\\x",
	"\x1b[31m",
	"\x9b"
	"31m",
	"\x1bP+q\x1b\\",
	"\x01",
	"\x02",
	"\x03",
	"\x04",
	"\x05",
	"\x06",
	"\x07",
	"\x08",
	"\x0b",
	"\x0c",
	"\x0e",
	"\x0f",
	"\x10",
	"\x11",
	"\x12",
	"\x13",
	"\x14",
	"\x15",
	"\x16",
	"\x17",
	"\x18",
	"\x19",
	"\x1a",
	"\x1b",
	"\x1c",
	"\x1d",
	"\x1e",
	"\x1f",
	"\x7f",
	"\xc2\x80",
	"\xc2\x85",
	"\xc2\x9b",
	"\r",
	"\n",
	"\r\n",
	"\n\r",
	" ",
	"  ",
	/* what is not seen, turns round, or looks like something else */
	"\xe2\x80\xae"
	"evil",
	"\xe2\x81\xa6"
	"x",
	"\xe2\x81\xa9",
	"\xe2\x80\x8b",
	"\xe2\x80\x8d",
	"\xe2\x80\x8e",
	"\xe2\x80\x8f",
	"\xe2\x80\xa8",
	"\xe2\x80\xa9",
	"\xd8\x9c",
	"\xef\xbb\xbf",
	"\xc2\xad",
	"\xe2\x81\xa0",
	"\xcd\x8f",
	"\xe1\xa0\x8e",
	"@\xe2\x80\x8b"
	"everyone",
	"<\xe2\x80\x8b!channel>",
	"\xef\xbc\x9cscript\xef\xbc\x9e",
	"\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa",
	"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
	"Z\xcc\xb5\xcd\x84\xcc\x94\xcd\x92\xcc\xa2\xcd\x99",
	"\xf3\xa0\x81\xa7\xf3\xa0\x80\xa0",
	"\xef\xbf\xbd",
	"\xef\xbf\xbe",
	"\xef\xb7\x90",
	"\xee\x80\x80",
	"\xf4\x8f\xbf\xbf",
	/* invalid UTF-8 */
	"\xff",
	"\xfe\xff",
	"\x80",
	"\xbf",
	"\xc0\xaf",
	"\xc0\x80",
	"\xc1\xbf",
	"\xe0\x80\xaf",
	"\xf0\x80\x80\xaf",
	"\xed\xa0\x80",
	"\xed\xbf\xbf",
	"\xed\xa0\xbd\xed\xb8\x80",
	"\xf4\x90\x80\x80",
	"\xf8\x88\x80\x80\x80",
	"\xe2\x82",
	"\xf0\x9f\x9a",
	"\xc3",
	"\xc3(",
	"\xe2(\xa1",
	"\xf0(\x8c\xbc",
	"\xc3<!channel>",
	"\xe2\x82@everyone",
	"\xf0\x9f[x](y)",
};
#define PIECES (sizeof(pieces) / sizeof(pieces[0]))

/* What fills a text up to the place where it is cut. */
static const char *const fillers[] = {"x", "&",  "<",  "*",  "é", "漢",
				      "🚨", "\n", "\\", "\"", " ", "@"};

/* Bounds of services that we know; texts end, and attacks begin, around them. */
static const size_t bounds[] = {48,   75,   80,   100,  128,   150,   255,   256,  480,  500,
				512,  998,  1000, 1024, 2000,  2048,  3000,  3500, 4000, 4096,
				5000, 6000, 8000, 8192, 10240, 13200, 28672, 40000};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* splitmix64: small, good enough, the same everywhere. */
static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t n)
{
	return (size_t)(next(state) % n);
}

struct pen {
	char text[TEXT_MAX + 1];
	size_t length;
};

static void put(struct pen *pen, const char *piece)
{
	size_t size = strlen(piece);

	if (pen->length + size > TEXT_MAX)
		return;
	memcpy(pen->text + pen->length, piece, size + 1);
	pen->length += size;
}

static void put_any(struct pen *pen, uint64_t *state)
{
	put(pen, pieces[below(state, PIECES)]);
}

/* Several attacks, side by side, with a word, a space or a line break between. */
static void mix(struct pen *pen, uint64_t *state)
{
	static const char *const between[] = {"", "", " ", "\n", "word", " word ", "\n\n", ". "};
	size_t n = 2 + below(state, 6);

	for (size_t i = 0; i < n; i++) {
		put(pen, between[below(state, COUNT(between))]);
		put_any(pen, state);
	}
}

/* An attack that begins shortly before, or after, the place where a text is cut. */
static void reach_a_bound(struct pen *pen, uint64_t *state)
{
	const char *filler = fillers[below(state, COUNT(fillers))];
	size_t bound = bounds[below(state, COUNT(bounds))], back = below(state, 48);
	size_t until = bound + 8 - (back < bound ? back : bound);

	/* half of the limits count characters, and half bytes */
	if (below(state, 2))
		until /= strlen(filler);
	for (size_t i = 0; i < until; i++)
		put(pen, filler);
	for (size_t i = 0, n = 1 + below(state, 3); i < n; i++)
		put_any(pen, state);
}

/* The same attack again and again. */
static void repeat(struct pen *pen, uint64_t *state)
{
	const char *piece = pieces[below(state, PIECES)];
	size_t n = 2 + below(state, 300);

	for (size_t i = 0; i < n; i++)
		put(pen, piece);
}

/* A mixture in which some bytes were changed, as a fuzzer does. */
static void spoil(struct pen *pen, uint64_t *state)
{
	mix(pen, state);
	for (size_t i = 0, n = 1 + below(state, 4); i < n && pen->length > 0; i++)
		pen->text[below(state, pen->length)] = (char)(1 + below(state, 255));
}

uint64_t hostile_seed(void)
{
	const char *given = getenv("TOCSIN_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : 20251118;

	printf("hostile texts: TOCSIN_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

char *hostile_text(uint64_t seed, size_t i)
{
	static void (*const kinds[])(struct pen *, uint64_t *) = {mix,    mix,           spoil,
								  repeat, reach_a_bound, mix};
	uint64_t state = seed ^ (i * UINT64_C(0xd1342543de82ef95));
	struct pen *pen;
	char *text;

	if (i < PIECES)
		return strdup(pieces[i]);
	pen = calloc(1, sizeof(*pen));
	if (!pen)
		abort();
	kinds[i % COUNT(kinds)](pen, &state);
	text = strdup(pen->text);
	free(pen);
	return text;
}

void hostile_fill(struct fake_alert *fake, const char *text)
{
	fake_alert_init(fake, text);
	fake_label(fake, "alertname", text);
	fake_label(fake, text, text);
	fake_annotate(fake, "dashboard_url", text);
	fake_annotate(fake, "description", text);
	fake_annotate(fake, "generator_url", text);
	fake_annotate(fake, "runbook_url", text);
	fake_annotate(fake, text, text);
	fake->alert.link = text;
	fake->alert.source = text;
}

void hostile_fill_shown(struct fake_alert *fake, const char *text)
{
	hostile_fill(fake, text);
	fake_annotate(fake, "headline", text);
	fake_annotate(fake, "fields", "Where=site, <!here> @everyone=description, Name=alertname");
}
