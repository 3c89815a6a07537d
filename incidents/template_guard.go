package incidents

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"text/template"
	"text/template/parse"
)

// maxWork bounds how much a template can do at worst, in nodes visited.
const maxWork = 100_000

// guardTemplate refuses a template that might not end, might make more than it could
// send, or names what is not among the facts. It judges before anything is run: a
// template may go through the lists of the facts and nothing else, may use templates but
// never itself, may compare and choose but not make new values, and must end within
// maxWork nodes whatever the facts are.
func guardTemplate(t *template.Template) error {
	g := guard{known: factNames(), cost: map[string]int{}}
	for _, one := range t.Templates() {
		if one.Tree != nil {
			g.trees = append(g.trees, one.Tree)
		}
	}
	work, err := g.template(t.Name())
	if err != nil {
		return err
	}
	if work > maxWork {
		return errors.New("it would do too much: go through fewer lists within lists, and use fewer templates within templates")
	}
	return nil
}

// factNames are the names that may stand behind a dot.
func factNames() []string {
	var names []string
	for _, of := range []reflect.Type{reflect.TypeFor[Facts](), reflect.TypeFor[Datum](), reflect.TypeFor[Fixed]()} {
		for i := range of.NumField() {
			names = append(names, of.Field(i).Name)
		}
	}
	return names
}

// allowedFunctions make no new text and do not repeat any.
func allowedFunctions() []string {
	return []string{"and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len"}
}

type guard struct {
	trees []*parse.Tree
	known []string
	cost  map[string]int // of templates that were judged
	open  []string       // templates that are being judged: one within itself never ends
}

// template gives how much work a template is at worst.
func (g *guard) template(name string) (int, error) {
	if cost, judged := g.cost[name]; judged {
		return cost, nil
	}
	if slices.Contains(g.open, name) {
		return 0, fmt.Errorf("%q uses itself, so it might never end", name)
	}
	at := slices.IndexFunc(g.trees, func(t *parse.Tree) bool { return t.Name == name })
	if at < 0 {
		return 0, fmt.Errorf("it uses the template %q, which is not there", name)
	}
	g.open = append(g.open, name)
	cost, err := g.list(g.trees[at].Root)
	g.open = g.open[:len(g.open)-1]
	g.cost[name] = cost
	return cost, err
}

func (g *guard) list(l *parse.ListNode) (sum int, err error) {
	if l == nil {
		return 0, nil
	}
	for _, n := range l.Nodes {
		cost, err := g.node(n)
		if err != nil {
			return 0, err
		}
		sum = min(sum+cost, maxWork+1)
	}
	return sum, nil
}

func (g *guard) node(n parse.Node) (int, error) {
	switch n := n.(type) {
	case *parse.ActionNode:
		return 1, g.pipe(n.Pipe)
	case *parse.IfNode:
		return g.branch(n.BranchNode, 1)
	case *parse.WithNode:
		return g.branch(n.BranchNode, 1)
	case *parse.RangeNode:
		if !loops(n.Pipe) {
			return 0, fmt.Errorf("line %d: it can go through a list of the facts, such as .Data, and through nothing else: it might never end", n.Line)
		}
		return g.branch(n.BranchNode, maxData)
	case *parse.TemplateNode:
		if err := g.pipe(n.Pipe); err != nil {
			return 0, err
		}
		cost, err := g.template(n.Name)
		return cost + 1, err
	}
	return 1, nil
}

func (g *guard) branch(n parse.BranchNode, times int) (int, error) {
	if err := g.pipe(n.Pipe); err != nil {
		return 0, err
	}
	first, err := g.list(n.List)
	if err != nil {
		return 0, err
	}
	second, err := g.list(n.ElseList)
	return min(1+times*first+second, maxWork+1), err
}

// loops tells whether a loop goes through one of the lists of the facts.
func loops(p *parse.PipeNode) bool {
	if len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return false
	}
	var path []string
	switch over := p.Cmds[0].Args[0].(type) {
	case *parse.FieldNode:
		path = over.Ident
	case *parse.VariableNode: // $.Data
		if over.Ident[0] != "$" {
			return false
		}
		path = over.Ident[1:]
	}
	return len(path) == 1 && slices.Contains([]string{"Data", "Repairs", "Asks"}, path[0])
}

// pipe judges an expression: its functions and the facts that it names.
func (g *guard) pipe(p *parse.PipeNode) error {
	if p == nil {
		return nil
	}
	for _, c := range p.Cmds {
		for _, arg := range c.Args {
			if err := g.value(arg, p.Line); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *guard) value(n parse.Node, line int) error {
	var names []string
	switch n := n.(type) {
	case *parse.PipeNode:
		return g.pipe(n)
	case *parse.IdentifierNode:
		if !slices.Contains(allowedFunctions(), n.Ident) {
			return fmt.Errorf("line %d: the function %s cannot be used here; these can: %v", line, n.Ident, allowedFunctions())
		}
	case *parse.FieldNode:
		names = n.Ident
	case *parse.VariableNode:
		names = n.Ident[1:]
	case *parse.ChainNode:
		names = n.Field
		if err := g.value(n.Node, line); err != nil {
			return err
		}
	}
	for _, name := range names {
		if !slices.Contains(g.known, name) {
			return fmt.Errorf("line %d: there is no fact called %s", line, name)
		}
	}
	return nil
}
