package secret

import "strings"

// A prefix begins the tokens of one issuer, which made it for scanners such as this one.
type prefix struct {
	text string
	of   class // characters that follow
	min  int   // how many at least
}

const word = alnum | joint

// prefixes are by issuer, as their own pages and the rules of gitleaks and of GitHub's secret scanning tell them.
var prefixes = []prefix{
	// Amazon: access keys, and ids of what they belong to
	{"AKIA", digit | upper, 16}, {"ASIA", digit | upper, 16}, {"ABIA", digit | upper, 16}, {"ACCA", digit | upper, 16},
	{"AROA", digit | upper, 16}, {"AIDA", digit | upper, 16}, {"ANPA", digit | upper, 16}, {"AGPA", digit | upper, 16},
	// source code
	{"ghp_", alnum, 20}, {"gho_", alnum, 20}, {"ghu_", alnum, 20}, {"ghs_", alnum, 20}, {"ghr_", alnum, 20}, {"github_pat_", word, 20},
	{"glpat-", word, 16}, {"gldt-", word, 16}, {"glrt-", word, 16}, {"glcbt-", word, 16}, {"glptt-", word, 16}, {"glft-", word, 16},
	{"glsoat-", word, 16}, {"GR1348941", word, 16}, {"ATATT3", word, 20}, {"ATBB", alnum, 28},
	// messages
	{"xoxb-", word, 10}, {"xoxp-", word, 10}, {"xoxa-", word, 10}, {"xoxr-", word, 10}, {"xoxs-", word, 10}, {"xoxe-", word, 10},
	{"xoxe.xox", word, 10}, {"xapp-", word, 16}, {"SG.", word, 20}, {"xkeysib-", word, 20}, {"key-", digit | hexLower, 32},
	// payment
	{"sk_live_", alnum, 10}, {"sk_test_", alnum, 10}, {"rk_live_", alnum, 10}, {"rk_test_", alnum, 10}, {"whsec_", word, 16},
	{"sq0atp-", word, 16}, {"sq0csp-", word, 16}, {"access_token$", alnum, 16},
	// JSON in base64, as in JWT (RFC 7519), JWE and cookies of frameworks
	{"eyJ", word, 13},
	// Google
	{"AIza", word, 30}, {"ya29.", word, 16}, {"GOCSPX-", word, 20},
	// models
	{"sk-proj-", word, 16}, {"sk-ant-", word, 16}, {"sk-svcacct-", word, 16}, {"sk-or-v1-", word, 16}, {"hf_", alnum, 30}, {"r8_", alnum, 30},
	{"gsk_", alnum, 30}, {"pplx-", alnum, 30},
	// packages
	{"npm_", alnum, 30}, {"pypi-AgE", word, 16}, {"rubygems_", digit | hexLower, 40}, {"dckr_pat_", word, 16}, {"oy2", digit | lower, 43},
	// clouds and tools
	{"shpat_", alnum, 24}, {"shpss_", alnum, 24}, {"shpca_", alnum, 24}, {"shppa_", alnum, 24}, {"dop_v1_", alnum, 24}, {"doo_v1_", alnum, 24},
	{"dor_v1_", alnum, 24}, {"glsa_", word, 20}, {"glc_eyJ", word, 10}, {"NRAK-", alnum, 20}, {"hvs.", word, 20}, {"hvb.", word, 20},
	{"dapi", digit | hexLower, 32}, {"dp.pt.", alnum, 20}, {"pul-", digit | hexLower, 40}, {"lin_api_", alnum, 20}, {"figd_", word, 20},
	{"PMAK-", word, 20}, {"sntrys_", word, 20}, {"sntryu_", alnum, 20}, {"ntn_", alnum, 30}, {"AGE-SECRET-KEY-1", alnum, 20},
	{"SK", digit | hexLower, 32}, {"EAAC", alnum, 30}, {"tfp_", alnum, 30}, {"ops_eyJ", word, 10}, {"v1.public.", word, 16}, {"v2.local.", word, 16},
}

// byFirst has the prefixes by their first byte.
var byFirst = func() (table [256][]prefix) {
	for _, p := range prefixes {
		table[p.text[0]] = append(table[p.text[0]], p)
	}
	return table
}()

// prefixed tells whether a token with a known prefix is in the run, wherever it begins.
func prefixed(run string) bool {
	for i := range len(run) {
		for _, p := range byFirst[run[i]] {
			if strings.HasPrefix(run[i:], p.text) && follows(run[i+len(p.text):], p.of, p.min) {
				return true
			}
		}
	}
	return false
}

func follows(s string, of class, least int) bool {
	if len(s) < least {
		return false
	}
	for i := range least {
		if !is(s[i], of) {
			return false
		}
	}
	return true
}
