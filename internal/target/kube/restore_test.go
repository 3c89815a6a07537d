package kube

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/check"
	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kubetest"
)

// restoreYAML is the runbook's: restore-from-backup.sh --date=2025-10-25 --time=10:00.
const restoreYAML = `{cron_job: restore-from-backup, args: ["--date={date}", "--time={time}"], env: {at: RESTORE_AT}}`

// restoreArena has the template, a cron job that is suspended.
func restoreArena(t *testing.T, c *kubetest.Cluster, change ...func(*batchv1.CronJob)) *arena {
	t.Helper()
	a := newArena(t, c)
	off, none := true, int32(0)
	cron := &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Name: "restore-from-backup"},
		Spec: batchv1.CronJobSpec{
			Schedule: "0 0 1 1 *", Suspend: &off,
			JobTemplate: batchv1.JobTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"team": "data"}},
				Spec: batchv1.JobSpec{BackoffLimit: &none, Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{}},
					Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{
						Name: "restore", Image: "example.org/backup:3", Command: []string{"/scripts/restore-from-backup.sh"},
						Env: []corev1.EnvVar{{Name: "PASSWORD", Value: "s3cret"}},
					}}},
				}},
			},
		},
	}
	for _, f := range change {
		f(cron)
	}
	if _, err := c.Admin().BatchV1().CronJobs(a.ns).Create(t.Context(), cron, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	a.declare("restore", restoreYAML, `{mode: restore}`)
	return a
}

func (a *arena) job(name string) *batchv1.Job {
	a.t.Helper()
	j, err := a.c.Admin().BatchV1().Jobs(a.ns).Get(a.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		a.t.Fatal(err)
	}
	return j
}

func (a *arena) jobs() []batchv1.Job {
	a.t.Helper()
	list, err := a.c.Admin().BatchV1().Jobs(a.ns).List(a.t.Context(), metav1.ListOptions{})
	if err != nil {
		a.t.Fatal(err)
	}
	return list.Items
}

func (a *arena) restore(at string) planned {
	a.t.Helper()
	p, err := a.draft(fix.Order{Mode: wayRestore, Argument: at})
	if err != nil {
		a.t.Fatal(err)
	}
	return p
}

// TestRestoreRunsToItsEnd from preview to verdict.
func TestRestoreRunsToItsEnd(t *testing.T) {
	t.Parallel()
	kubePeers(t, func(t *testing.T, c *kubetest.Cluster) {
		a := restoreArena(t, c)
		f := a.checked()
		if f.Verdict != check.Pass || f.Result.Says != "nothing was ever restored here, as far as jobs tell" {
			t.Errorf("before: %s %s", f.Verdict, f.Result.Says)
		}
		p := a.restore("2025-10-25 10:00")
		if n := len(a.jobs()); n != 0 {
			t.Errorf("a plan made %d jobs", n)
		}
		want := fix.Draft{
			Does: "restore from backup to 2025-10-25 10:00:00 UTC with job " + p.forms[0].Name + ", made of cron job restore-from-backup", Button: "restore to 2025-10-25 10:00:00 UTC",
			Noun: "restore job", Done: "started", Target: "cluster", Place: "production", Rows: 1, Found: 1, Total: 1, Plain: true, Uncounted: true,
			Irreversible: "what the restore overwrites is gone", Heads: []string{"part", "in the template", "in this job"}, Columns: []check.Column{{Name: "part", Class: check.Key}},
			Risk: "Whatever was written after that moment is lost if the restore overwrites it: stop writes first. Stop ends the plan and not the job: kubectl delete job " + p.forms[0].Name + " -n " + a.ns + " does." +
				" The template has PASSWORD as plain text, which is kept in the bot's store with this plan: take it from a secret (valueFrom).",
			Samples: []fix.Sample{
				{Key: "image", Before: "example.org/backup:3", After: "example.org/backup:3"},
				{Key: "command", Before: "/scripts/restore-from-backup.sh", After: "/scripts/restore-from-backup.sh"},
				{Key: "arguments", Before: "the image's own", After: "--date=2025-10-25 --time=10:00"},
				{Key: "RESTORE_AT", Before: "not set", After: "2025-10-25T10:00:00Z"},
			},
		}
		if diff := cmp.Diff(want, p.Draft, cmpopts.IgnoreFields(fix.Draft{}, "Content", "Listing")); diff != "" {
			t.Errorf("the draft (-want +got):\n%s", diff)
		}
		o := a.apply(p)
		if _, err := a.watch(p); err != nil || o.Changed != 1 {
			t.Fatalf("%+v, %v", o, err)
		}
		j := a.job(p.forms[0].Name)
		if state, why := stateOf(*j); state != jobCompleted {
			t.Errorf("it is said to be over, and the job is %s %s", state, why)
		}
		main := j.Spec.Template.Spec.Containers[0]
		if diff := cmp.Diff([]string{"--date=2025-10-25", "--time=10:00"}, main.Args); diff != "" || j.Labels["team"] != "data" || len(j.OwnerReferences) != 0 ||
			main.Env[0].Value != "s3cret" || main.Env[1].Value != "2025-10-25T10:00:00Z" || j.Annotations[planKey] != "store-1/P-77" {
			t.Errorf("the job is %+v (-want +got):\n%s", j, diff)
		}
		again := a.apply(p)
		if again.Changed != 1 || len(a.jobs()) != 1 {
			t.Errorf("applied again it did %+v, and there are %d jobs", again, len(a.jobs()))
		}
		f = a.checked()
		if f.Verdict != check.Pass || len(f.Result.Overview.Rows) != 1 {
			t.Errorf("after: %s %+v", f.Verdict, f.Result.Overview)
		}
		contains(t, f.Result.Says, "the last restore ("+j.Name+", by P-77) completed ")
		_, err := a.inverse(p)
		contains(t, sentence(t, err), "P-77 cannot be taken back: what the restore overwrites is gone.")
	})
}

// TestRestoreThatFails says why, and nothing of its log: that is about rows.
func TestRestoreThatFails(t *testing.T) {
	t.Parallel()
	kubePeers(t, func(t *testing.T, c *kubetest.Cluster) {
		a := restoreArena(t, c, func(j *batchv1.CronJob) {
			j.Spec.JobTemplate.Spec.Template.Labels[kubetest.FailingPod] = "true"
		})
		if c.Fake() != nil {
			c.Fake().Jobs(func(cluster.JobStart) cluster.JobRun {
				return cluster.JobRun{ExitCode: 3, Lines: []string{
					`ERROR: duplicate key value violates unique constraint "customers_email"`, "DETAIL: Key (email)=(anna@example.org) already exists.",
					`CONTEXT: COPY customers, line 17: "17 Anna"`, `connection to "postgres://restore:s3cret@db/shop" failed`,
				}}
			})
		}
		p := a.restore("2025-10-25T10:00:00Z")
		if o := a.apply(p); o.Changed != 1 {
			t.Fatalf("%+v", o)
		}
		said := a.halted(p)
		contains(t, said, "The restore failed (BackoffLimitExceeded: ", "What it had done by then stays.")
		if c.Fake() != nil {
			contains(t, said, " Container restore ended with code 3 (Error). Its log says more: kubectl logs -n "+a.ns+" job/"+p.forms[0].Name+" ")
			for _, row := range []string{"anna", "Anna", "s3cret", "customers"} {
				if strings.Contains(said, row) {
					t.Errorf("it tells %s: %s", row, said)
				}
			}
		}
		f := a.checked()
		if f.Verdict != check.Fail || f.Tally.Classes["failed"] != 1 {
			t.Errorf("%s %v", f.Verdict, f.Tally.Classes)
		}
		contains(t, f.Result.Says, "the last restore (", ", by P-77) failed ", "BackoffLimitExceeded")
	})
}

// TestRestoreOneAtATime: while one runs, whoever started it, there is no other.
func TestRestoreOneAtATime(t *testing.T) {
	t.Parallel()
	a := restoreArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	a.c.Fake().Jobs(func(cluster.JobStart) cluster.JobRun { return cluster.JobRun{Duration: time.Hour} })
	first, second := a.restore("2025-10-25 10:00"), a.restore("2025-10-25 11:00")
	a.apply(first)
	a.until("its pod runs", func() bool { return a.job(first.forms[0].Name).Status.Active == 1 })
	if why, err := a.busy(first); err != nil || !strings.HasPrefix(why, "the restore is running for ") || !strings.HasSuffix(why, "1 of 1 pod active") {
		t.Errorf("it waits: %q, %v", why, err)
	}
	_, err := a.batches(second)
	contains(t, sentence(t, err), "A restore is under way: job "+first.forms[0].Name+", started by P-77, is running for ", "There is one at a time.")
	_, err = a.draft(fix.Order{Mode: wayRestore, Argument: "2025-10-25 12:00"})
	contains(t, sentence(t, err), "A restore is under way")
	f := a.checked()
	if f.Verdict != check.Fail || f.Tally.Classes["running"] != 1 {
		t.Errorf("%s %v", f.Verdict, f.Tally.Classes)
	}
	contains(t, f.Result.Says, " is running for ", "1 of 1 pod active, started by P-77")
	if n := len(a.jobs()); n != 1 {
		t.Errorf("there are %d jobs", n)
	}
	if err := a.c.Admin().BatchV1().Jobs(a.ns).Delete(t.Context(), first.forms[0].Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	contains(t, a.halted(first), "is not there any more: somebody deleted it, so it is not known how the restore ended.")
}

// TestRestoreThatCannotStart says what its pod waits for.
func TestRestoreThatCannotStart(t *testing.T) {
	t.Parallel()
	a := restoreArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	a.c.Fake().BreakImage("example.org/backup:3", "ImagePullBackOff")
	p := a.restore("2025-10-25 10:00")
	a.apply(p)
	a.until("it says so", func() bool {
		why, err := a.busy(p)
		return err == nil && strings.Contains(why, " waits: ImagePullBackOff")
	})
}

// TestRestoreMadeOnce: an answer that was lost, and two bots.
func TestRestoreMadeOnce(t *testing.T) {
	t.Parallel()
	a := restoreArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	p := a.restore("2025-10-25 10:00")
	if err := a.c.Fake().Inject(cluster.Fault{Kind: cluster.Lost, Verb: "create", Path: "/apis/batch/v1/namespaces/" + a.ns + "/jobs", Count: 1}); err != nil {
		t.Fatal(err)
	}
	_, err := a.batches(p)
	contains(t, sentence(t, err), "Kubernetes production")
	a.as("store-1")
	known, err := a.applier.Applied(t.Context(), p.ID, p.forms)
	if err != nil || len(known) != 1 || known[0].Changed != 1 {
		t.Errorf("%+v, %v", known, err)
	}
	if o := a.apply(p); o.Changed != 1 || len(a.jobs()) != 1 {
		t.Errorf("%+v with %d jobs", o, len(a.jobs()))
	}
	a.as("store-2")
	if known, err := a.applier.Applied(t.Context(), p.ID, p.forms); err != nil || len(known) != 0 {
		t.Errorf("another bot takes it for its own: %+v, %v", known, err)
	}
	a.as("store-1")
	other := a.restore("2025-10-25 10:00")
	foreign := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: other.forms[0].Name}, Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{
		Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "x", Image: "x"}}},
	}}}
	if _, err := a.c.Admin().BatchV1().Jobs(a.ns).Create(t.Context(), foreign, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err = a.batches(other)
	contains(t, err.Error(), "Another restore was started since the preview of P-78: job "+other.forms[0].Name+" is not its own.")
}

// TestRestoreThatIsRefused before there is a button.
func TestRestoreThatIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		words string
		order fix.Order
		make  func(a *arena)
		says  string
	}{
		{"no time", restoreYAML, fix.Order{}, nil, "To which moment? Say it with --at, such as 2025-10-25 10:00 or 2025-10-25T10:00:00Z, in UTC."},
		{"no time at all", restoreYAML, fix.Order{Argument: "yesterday"}, nil, `"yesterday" is no moment: give one such as 2025-10-25 10:00`},
		{"only a day", restoreYAML, fix.Order{Argument: "2025-10-25"}, nil, "is no moment"},
		{"no such day", restoreYAML, fix.Order{Argument: "2025-02-30 10:00"}, nil, "is no moment"},
		{
			"seconds that it cannot be told", `{cron_job: restore-from-backup, args: ["--date={date}", "--time={time}"]}`,
			fix.Order{Argument: "2025-10-25 10:00:30"},
			nil,
			"The job would be told 2025-10-25 10:00, which is not 2025-10-25 10:00:30 UTC: give a moment that it can be told, or tell it {at} in the config.",
		},
		{
			"a time of day that it cannot be told", `{cron_job: restore-from-backup, env: {date: DAY}}`,
			fix.Order{Argument: "2025-10-25 10:00"},
			nil,
			"The job would be told 2025-10-25, which is not 2025-10-25 10:00:00 UTC",
		},
		{
			"morning or evening", `{cron_job: restore-from-backup, args: ["{date} {time}"], layouts: {time: "03:04"}}`,
			fix.Order{Argument: "2025-10-25 22:00"},
			nil,
			"The job would be told 2025-10-25 10:00, which is not 2025-10-25 22:00:00 UTC",
		},
		{"the future", restoreYAML, fix.Order{Argument: "2999-01-01 00:00"}, nil, "2999-01-01 00:00:00 UTC is in the future (it is "},
		{"a time that it cannot be told", `{cron_job: restore-from-backup}`, fix.Order{Argument: "2025-10-25 10:00"}, nil, "This restore cannot be told a moment (2025-10-25 10:00): its config names neither env nor args. Leave --at out."},
		{"a selection", restoreYAML, fix.Order{Argument: "2025-10-25 10:00", Select: []string{"x=y"}}, nil, "A restore is told one moment, with --at, and nothing else."},
		{"no template", `{cron_job: restore, args: ["{at}"]}`, fix.Order{Argument: "2025-10-25 10:00"}, nil, "There is no cron job restore in namespace "},
		{
			"no such container", `{cron_job: restore-from-backup, container: backup, args: ["{at}"]}`,
			fix.Order{Argument: "2025-10-25 10:00"},
			nil,
			"The cron job restore-from-backup in Kubernetes production has no container backup; it has restore.",
		},
		{"no config map", `{config_map: {name: restore, key: job.yaml}}`, fix.Order{}, nil, "There is no config map restore in namespace "},
		{"no such key", `{config_map: {name: restore, key: job.yml}}`, fix.Order{}, template("job.yaml", "x"), "Config map restore in Kubernetes production has no key job.yml"},
		{"no YAML", `{config_map: {name: restore, key: job.yaml}}`, fix.Order{}, template("job.yaml", "a: ["), "The config map restore (key job.yaml) in Kubernetes production is no job in YAML: "},
		{"an unknown word", `{config_map: {name: restore, key: job.yaml}}`, fix.Order{}, template("job.yaml", "{apiVersion: batch/v1, kind: Job, spek: {}}"), `unknown field "spek"`},
		{"no job", `{config_map: {name: restore, key: job.yaml}}`, fix.Order{}, template("job.yaml", "{apiVersion: v1, kind: Pod, spec: {template: {spec: {containers: []}}}}"), "is no job: its apiVersion and kind are v1 and Pod"},
		{"not allowed", restoreYAML, fix.Order{Argument: "2025-10-25 10:00"}, func(a *arena) {
			if err := a.c.Fake().Revoke(kubetest.WriterUser); err != nil {
				a.t.Fatal(err)
			}
		}, "ask for `create jobs.batch` there"},
		{"refused by a policy", restoreYAML, fix.Order{Argument: "2025-10-25 10:00"}, func(a *arena) {
			a.c.Fake().AddHook(cluster.Hook{Name: "policy.example.org", Judge: func(cluster.Review) error { return errFrozen }})
		}, "policy.example.org"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := restoreArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
			a.declare("restore", c.words, `{mode: restore}`)
			if c.make != nil {
				c.make(a)
			}
			p, err := a.draft(c.order)
			if err == nil {
				t.Fatalf("there is a plan: %+v", p.Draft)
			}
			contains(t, sentence(t, err), c.says)
			if n := len(a.jobs()); n != 0 {
				t.Errorf("it made %d jobs", n)
			}
		})
	}
}

func template(key, text string) func(a *arena) {
	return func(a *arena) {
		a.t.Helper()
		m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "restore"}, Data: map[string]string{key: text}}
		if _, err := a.c.Admin().CoreV1().ConfigMaps(a.ns).Create(a.t.Context(), m, metav1.CreateOptions{}); err != nil {
			a.t.Fatal(err)
		}
	}
}

// TestRestoreFromAConfigMap takes out of the template what belongs to a job that
// it was copied from.
func TestRestoreFromAConfigMap(t *testing.T) {
	t.Parallel()
	kubePeers(t, func(t *testing.T, c *kubetest.Cluster) {
		a := newArena(t, c)
		template("job.yaml", `
apiVersion: batch/v1
kind: Job
metadata:
  name: restore-old
  uid: 7f3a
  resourceVersion: "12"
  labels: {controller-uid: 7f3a, job-name: restore-old, team: data}
spec:
  suspend: true
  ttlSecondsAfterFinished: 60
  selector: {matchLabels: {batch.kubernetes.io/controller-uid: 7f3a}}
  template:
    metadata: {labels: {batch.kubernetes.io/controller-uid: 7f3a, batch.kubernetes.io/job-name: restore-old}}
    spec:
      restartPolicy: Never
      containers: [{name: restore, image: example.org/backup:3, env: [{name: DAY, value: "1999"}, {name: KEEP, value: "1"}]}]
status: {succeeded: 1}
`)(a)
		a.declare("restore", `{config_map: {name: restore, key: job.yaml}, env: {date: DAY, time: HOUR}, layouts: {date: 02.01.2006, time: 15h04}}`, `{mode: restore}`)
		p := a.restore("2025-10-25T12:30:00+02:00")
		a.apply(p)
		if _, err := a.watch(p); err != nil {
			t.Fatal(err)
		}
		j := a.job(p.forms[0].Name)
		env := map[string]string{}
		for _, e := range j.Spec.Template.Spec.Containers[0].Env {
			env[e.Name] = e.Value
		}
		if diff := cmp.Diff(map[string]string{"DAY": "25.10.2025", "HOUR": "10h30", "KEEP": "1"}, env); diff != "" {
			t.Errorf("variables (-want +got):\n%s", diff)
		}
		if j.UID == "7f3a" || j.Labels["team"] != "data" || *j.Spec.TTLSecondsAfterFinished < leastTTL {
			t.Errorf("the job is %+v", j.ObjectMeta)
		}
	})
}

// TestRestoreByHand is known, too, where the cron job says so.
func TestRestoreByHand(t *testing.T) {
	t.Parallel()
	a := restoreArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	cron, err := a.c.Admin().BatchV1().CronJobs(a.ns).Get(t.Context(), "restore-from-backup", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(cron.Spec.JobTemplate.Spec)
	if err != nil {
		t.Fatal(err)
	}
	var s batchv1.JobSpec
	if err := json.Unmarshal(body, &s); err != nil {
		t.Fatal(err)
	}
	for name, owners := range map[string][]metav1.OwnerReference{
		"by-hand": {{APIVersion: "batch/v1", Kind: "CronJob", Name: cron.Name, UID: cron.UID}}, "something-else": nil,
	} {
		j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: name, OwnerReferences: owners}, Spec: s}
		if _, err := a.c.Admin().BatchV1().Jobs(a.ns).Create(t.Context(), j, metav1.CreateOptions{FieldManager: "kubectl-create"}); err != nil {
			t.Fatal(err)
		}
	}
	a.until("it is over", func() bool { state, _ := stateOf(*a.job("by-hand")); return state.over() })
	f := a.checked()
	if f.Verdict != check.Pass || len(f.Result.Overview.Rows) != 1 {
		t.Errorf("%s %+v", f.Verdict, f.Result.Overview)
	}
	contains(t, f.Result.Says, "the last restore (by-hand, by client kubectl-create) completed ")
}

// TestRestoreUnknown: a template that is gone is found out before it is needed.
func TestRestoreUnknown(t *testing.T) {
	t.Parallel()
	a := restoreArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	a.declare("restore", `{cron_job: gone}`, `{mode: restore}`)
	f := a.checked()
	if f.Verdict != check.Unknown {
		t.Errorf("%s", f.Verdict)
	}
	contains(t, f.Reason, "There is no cron job gone in namespace ")
}
