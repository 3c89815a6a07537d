package postgres

import (
	"errors"
	"fmt"
	"strings"
)

// GuardQuery is the first of four layers around the SQL of a check of kind query
// (behind it: EXPLAIN, a role that may only read, a read-only transaction with
// time-outs). A read-only transaction alone still runs COPY … TO PROGRAM, DO,
// pg_terminate_backend and pg_read_file. So the text must be exactly one SELECT
// made of known parts: what is not on a list is refused. It gives the statement
// without what surrounds it.
func GuardQuery(sql string) (string, error) { return guardQuery(sql) }

// GuardExpression refuses text that cannot be one SQL expression of known
// parts. It is for predicates and amounts of the config. The empty text is fine.
func GuardExpression(sql string) error {
	if strings.TrimSpace(sql) == "" {
		return nil
	}
	depth := 0
	for _, r := range withoutStrings(sql) {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth < 0 {
			return errors.New("must be one expression: it closes a bracket that it did not open")
		}
	}
	if depth != 0 {
		return errors.New("must be one expression: its brackets do not match")
	}
	return guardExpression(sql)
}

// allowedFunction tells whether a check may call a function. The list holds
// functions that only compute: none that reads files, settings, other sessions
// or the network, that writes, waits, locks, or runs SQL given as text.
func allowedFunction(name []string) error {
	full := strings.Join(name, ".")
	if len(name) == 2 && name[0] == "pg_catalog" {
		name = name[1:]
	}
	if len(name) != 1 {
		return fmt.Errorf("calls the function %s: only functions of Postgres itself may be called", full)
	}
	for _, group := range functions() {
		for _, f := range strings.Fields(group) {
			if f == name[0] {
				return nil
			}
		}
	}
	return fmt.Errorf("calls the function %s, which is not among those a check may call", full)
}

func functions() []string {
	return []string{
		// aggregates and windows
		`count sum avg min max bool_and bool_or every array_agg string_agg stddev stddev_pop stddev_samp variance var_pop
		 var_samp percentile_cont percentile_disc mode corr bit_and bit_or jsonb_agg json_agg jsonb_object_agg
		 row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value`,
		// numbers
		`abs ceil ceiling floor round trunc sign mod power sqrt exp ln log div width_bucket scale min_scale trim_scale gcd lcm`,
		// text
		`lower upper initcap length char_length character_length octet_length trim btrim ltrim rtrim substr substring
		 left right position strpos replace translate concat concat_ws split_part starts_with reverse lpad rpad
		 overlay ascii md5 sha256 to_char to_number to_date to_timestamp normalize is_normalized format quote_literal
		 regexp_replace regexp_match regexp_matches regexp_like regexp_count regexp_substr regexp_split_to_array like_escape
		 encode decode convert_from convert_to string_to_array`,
		// time
		`now transaction_timestamp statement_timestamp clock_timestamp age date_trunc date_part extract make_date
		 make_interval make_timestamp make_timestamptz timezone justify_days justify_hours justify_interval overlaps isfinite date_bin`,
		// arrays, ranges, documents
		`array_length array_position array_positions array_remove array_to_string array_append array_cat cardinality unnest
		 lower_inc upper_inc isempty json_array_length jsonb_array_length jsonb_typeof json_typeof json_extract_path
		 json_extract_path_text jsonb_extract_path jsonb_extract_path_text jsonb_array_elements jsonb_array_elements_text
		 json_array_elements json_array_elements_text jsonb_object_keys json_object_keys jsonb_each jsonb_each_text
		 jsonb_build_object json_build_object jsonb_build_array to_json to_jsonb jsonb_path_exists generate_series`,
		// the rest
		`coalesce nullif greatest least num_nulls num_nonnulls hashtext hashtextextended generate_subscripts grouping`,
	}
}

// allowedRelation refuses the catalogs, which show other people's statements,
// settings and roles, except for what describes tables.
func allowedRelation(schema, name string) error {
	if schema == "information_schema" || !strings.HasPrefix(name, "pg_") && schema != "pg_catalog" && schema != "pg_toast" {
		return nil
	}
	switch name {
	case "pg_class", "pg_namespace", "pg_attribute", "pg_index", "pg_constraint", "pg_type", "pg_sequences", "pg_tables",
		"pg_stat_user_tables", "pg_stat_user_indexes", "pg_inherits":
		return nil
	}
	return fmt.Errorf("reads the catalog %s, which is not among those a check may read", name)
}

// allowedOperator refuses operators that are not Postgres's own.
func allowedOperator(name []string) error {
	if len(name) == 2 && name[0] == "pg_catalog" {
		name = name[1:]
	}
	if len(name) == 1 {
		switch name[0] {
		case "=", "<>", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "%", "^", "||", "~", "~*", "!~", "!~*",
			"~~", "~~*", "!~~", "!~~*", "->", "->>", "#>", "#>>", "@>", "<@", "?", "?|", "?&", "&&", "|", "&", "#",
			"<<", ">>", "-|-", "@", "@@", "@?", "BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC", "NOT BETWEEN SYMMETRIC":
			return nil
		}
	}
	return fmt.Errorf("uses the operator %s, which is not Postgres's own", strings.Join(name, "."))
}

var (
	errNotOneStatement = errors.New("must be exactly one statement")
	errNotSelect       = errors.New("must be a SELECT")
)
