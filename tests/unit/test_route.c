/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alert/severity.h"
#include "policy/route.h"

/*
 * default
 *	sites     warning+, team="web"             continue
 *		shop     site="shop.example.com"
 *		www      site=~"www.*"
 *	nobody    severity=info, no channels
 *	critical  critical
 *	late      team="web"
 */
struct tree {
	struct route root, sites, shop, www, nobody, critical, late;
	struct route *top[4], *below[2];
	struct matcher *matcher[4];
	struct routes routes;
};

static struct matcher *parsed(const char *text)
{
	struct matcher *matcher;
	struct error err;

	assert_int_equal(matcher_parse(text, &matcher, &err), 0);
	return matcher;
}

static struct route route(const char *name, const char *severity, struct matcher **matcher)
{
	static const char *const mail[] = {"mail"};
	struct route made = {
		.name = name,
		.severities = SEVERITY_ANY,
		.severity_text = severity,
		.matcher = matcher,
		.n_matchers = matcher ? 1 : 0,
		.channels = {mail, 1},
	};

	if (severity)
		assert_int_equal(severity_parse_set(severity, NULL, &made.severities), 0);
	return made;
}

static void plant(struct tree *tree)
{
	tree->matcher[0] = parsed("team=web");
	tree->matcher[1] = parsed("site=shop.example.com");
	tree->matcher[2] = parsed("site=~\"www.*\"");
	tree->matcher[3] = parsed("team=web");
	tree->root = route("default", NULL, NULL);
	tree->sites = route("sites", "warning+", &tree->matcher[0]);
	tree->shop = route("shop", NULL, &tree->matcher[1]);
	tree->www = route("www", NULL, &tree->matcher[2]);
	tree->nobody = route("nobody", "info", NULL);
	tree->nobody.channels.n = 0;
	tree->critical = route("critical", "critical", NULL);
	tree->late = route("late", NULL, &tree->matcher[3]);
	tree->sites.proceed = true;
	tree->below[0] = &tree->shop;
	tree->below[1] = &tree->www;
	tree->sites.child = tree->below;
	tree->sites.n_children = 2;
	tree->top[0] = &tree->sites;
	tree->top[1] = &tree->nobody;
	tree->top[2] = &tree->critical;
	tree->top[3] = &tree->late;
	tree->root.child = tree->top;
	tree->root.n_children = 4;
	tree->routes.root = &tree->root;
}

static void note(const struct route *taken, void *data)
{
	char *text = data;
	size_t used = strlen(text);

	snprintf(text + used, 200 - used, "%s%s", used ? " " : "", taken->name);
}

static struct tocsin_alert alert_of(enum tocsin_severity severity, const char *team,
				    const char *site, struct tocsin_pair label[2])
{
	label[0] = (struct tocsin_pair){"site", site};
	label[1] = (struct tocsin_pair){"team", team};
	return (struct tocsin_alert){
		.size = sizeof(struct tocsin_alert),
		.severity = severity,
		.labels = {label, 2},
	};
}

static void taken_by(enum tocsin_severity severity, const char *team, const char *site,
		     const char *expected)
{
	struct tree tree = {0};
	struct tocsin_pair label[2];
	struct tocsin_alert alert = alert_of(severity, team, site, label);
	char text[200] = "";
	size_t n, words = 1;

	plant(&tree);
	n = routes_match(&tree.routes, &alert, note, text);
	assert_string_equal(text, expected);
	for (const char *c = expected; *c; c++)
		words += *c == ' ';
	assert_int_equal(n, words);
	route_done(&tree.root);
}

static void first_match_wins_unless_it_continues(void **state)
{
	(void)state;
	taken_by(TOCSIN_CRITICAL, "db", "x", "critical");
	taken_by(TOCSIN_CRITICAL, "web", "x", "sites critical");
	taken_by(TOCSIN_ERROR, "web", "x", "sites late");
}

static void a_matching_child_takes_the_alert_from_its_parent(void **state)
{
	(void)state;
	taken_by(TOCSIN_ERROR, "web", "shop.example.com", "shop late");
	taken_by(TOCSIN_ERROR, "web", "www.example.com", "www late");
}

static void what_matches_nothing_goes_to_the_default_route(void **state)
{
	(void)state;
	taken_by(TOCSIN_ERROR, "db", "x", "default");
	taken_by(TOCSIN_DEBUG, "", "", "default");
}

static void a_route_without_channels_still_takes_the_alert(void **state)
{
	(void)state;
	taken_by(TOCSIN_INFO, "web", "x", "nobody");
}

static void explain_note(const struct route *visited, int depth, bool matched, bool selected,
			 const char *reason, void *data)
{
	buffer_printf(data, "%*s%s %s: %s\n", depth, "", visited->name,
		      selected  ? "SELECTED"
		      : matched ? "matched"
				: "no",
		      reason);
}

static void explained(enum tocsin_severity severity, const char *team, const char *site, size_t n,
		      const char *expected)
{
	struct tree tree = {0};
	struct tocsin_pair label[2];
	struct tocsin_alert alert = alert_of(severity, team, site, label);
	struct buffer text = {0};

	plant(&tree);
	assert_int_equal(routes_explain(&tree.routes, &alert, explain_note, &text), n);
	assert_string_equal(buffer_text(&text), expected);
	buffer_done(&text);
	route_done(&tree.root);
}

static void every_route_is_explained_with_its_reason(void **state)
{
	(void)state;
	explained(TOCSIN_CRITICAL, "web", "shop.example.com", 2,
		  "sites matched: severity critical is in warning+ and team=\"web\" holds, and a "
		  "route below it takes the alert\n"
		  " shop SELECTED: site=\"shop.example.com\" holds\n"
		  " www no: not tried: route 'shop' took the alert and does not say `continue: "
		  "true`\n"
		  "nobody no: severity critical is not in info\n"
		  "critical SELECTED: severity critical is in critical\n"
		  "late no: not tried: route 'critical' took the alert and does not say `continue: "
		  "true`\n"
		  "default no: not needed: a route took the alert\n");
	explained(TOCSIN_ERROR, "", "x", 1,
		  "sites no: team=\"web\" does not hold: the alert has no such label\n"
		  "nobody no: severity error is not in info\n"
		  "critical no: severity error is not in critical\n"
		  "late no: team=\"web\" does not hold: the alert has no such label\n"
		  "default SELECTED: no other route took the alert\n");
	explained(TOCSIN_INFO, "web", "x", 1,
		  "sites no: severity info is not in warning+\n"
		  "nobody SELECTED: severity info is in info; it has no channels, so the alert is "
		  "suppressed here\n"
		  "critical no: not tried: route 'nobody' took the alert and does not say "
		  "`continue: true`\n"
		  "late no: not tried: route 'nobody' took the alert and does not say `continue: "
		  "true`\n"
		  "default no: not needed: a route took the alert\n");
}

static void reasons_are_safe_for_a_terminal(void **state)
{
	(void)state;
	explained(TOCSIN_ERROR, "\x1b[31mred\n", "x", 1,
		  "sites no: team=\"web\" does not hold: the value is \"\\x1b[31mred\\n\"\n"
		  "nobody no: severity error is not in info\n"
		  "critical no: severity error is not in critical\n"
		  "late no: team=\"web\" does not hold: the value is \"\\x1b[31mred\\n\"\n"
		  "default SELECTED: no other route took the alert\n");
}

/* What is explained and what is done must never differ. */
static void explanation_and_decision_agree(void **state)
{
	static const char *const teams[] = {"web", "db", ""};
	static const char *const sites[] = {"shop.example.com", "www.example.com", "x"};

	(void)state;
	for (int s = 0; s < SEVERITY_COUNT; s++) {
		for (int t = 0; t < 9; t++) {
			struct tree tree = {0};
			struct tocsin_pair label[2];
			struct tocsin_alert alert = alert_of((enum tocsin_severity)s, teams[t / 3],
							     sites[t % 3], label);
			struct buffer text = {0};
			char names[200] = "";

			plant(&tree);
			assert_int_equal(routes_match(&tree.routes, &alert, note, names),
					 routes_explain(&tree.routes, &alert, explain_note, &text));
			buffer_done(&text);
			route_done(&tree.root);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_match_wins_unless_it_continues),
		cmocka_unit_test(a_matching_child_takes_the_alert_from_its_parent),
		cmocka_unit_test(what_matches_nothing_goes_to_the_default_route),
		cmocka_unit_test(a_route_without_channels_still_takes_the_alert),
		cmocka_unit_test(every_route_is_explained_with_its_reason),
		cmocka_unit_test(reasons_are_safe_for_a_terminal),
		cmocka_unit_test(explanation_and_decision_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
