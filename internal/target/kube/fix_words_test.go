package kube

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/integritybot/integritybot/internal/cluster"
	"github.com/integritybot/integritybot/internal/fix"
	"github.com/integritybot/integritybot/internal/kubetest"
)

// TestCommandsWithSecrets are shown without them, and with all else.
func TestCommandsWithSecrets(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{
		"":                                     "the image's own",
		"restore.sh --date=20251025 --time=10": "restore.sh --date=20251025 --time=10",
		"psql --password=s3cret -h db":         "psql --password=••• -h db",
		"psql --password s3cret -h db":         "psql --password ••• -h db",
		`sh -c "PGPASSWORD='s3 cret' pg_restore -d shop"`:      `sh -c "PGPASSWORD=••• pg_restore -d shop"`,
		"pg_restore -d postgres://restore:s3cret@db:5432/shop": "pg_restore -d postgres://•••@db:5432/shop",
		"curl -H eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln":    "curl -H •••",
		"aws --secret-access-key: s3cret s3":                   "aws --secret-access-key: ••• s3",
		"the password is elsewhere":                            "the password is elsewhere",
	} {
		if got := commandText(strings.Fields(command)); got != want {
			t.Errorf("%s: got %s, want %s", command, got, want)
		}
	}
}

// TestJobsByTheirConditions: a job is over when its pods are.
func TestJobsByTheirConditions(t *testing.T) {
	t.Parallel()
	job := func(suspended bool, kinds ...batchv1.JobConditionType) batchv1.Job {
		j := batchv1.Job{Spec: batchv1.JobSpec{Suspend: &suspended}, Status: batchv1.JobStatus{Active: 1}}
		for _, kind := range kinds {
			j.Status.Conditions = append(j.Status.Conditions, batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, Reason: "R", Message: "of anna@example.org"})
		}
		return j
	}
	for name, c := range map[string]struct {
		job   batchv1.Job
		state jobState
		why   string
	}{
		"new":                 {job(false), jobRunning, ""},
		"suspended":           {job(true, batchv1.JobSuspended), jobSuspended, ""},
		"failing":             {job(false, batchv1.JobFailureTarget), jobRunning, "R: of a•••@example.org"},
		"failed":              {job(false, batchv1.JobFailureTarget, batchv1.JobFailed), jobFailed, "R: of a•••@example.org"},
		"about to be over":    {job(false, batchv1.JobSuccessCriteriaMet), jobRunning, ""},
		"over, and suspended": {job(true, batchv1.JobSuccessCriteriaMet, batchv1.JobComplete), jobCompleted, ""},
	} {
		if state, why := stateOf(c.job); state != c.state || why != c.why || state.over() != (state == jobFailed || state == jobCompleted) {
			t.Errorf("%s: %s %q, want %s %q", name, state, why, c.state, c.why)
		}
	}
	contains(t, served(t, nil).runningFor(job(false, batchv1.JobFailureTarget)), "1 of 1 pod active, is ending (R: of ")
}

// TestRestoreOfManyParts: what runs besides, and how often, stands in the preview.
func TestRestoreOfManyParts(t *testing.T) {
	t.Parallel()
	a := restoreArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}), func(j *batchv1.CronJob) {
		s := &j.Spec.JobTemplate.Spec
		s.BackoffLimit = nil
		s.Template.Spec.InitContainers = []corev1.Container{{Name: "fetch", Image: "example.org/s3:1", Command: []string{"fetch", "--token=s3cret"}}}
		s.Template.Spec.Containers = append(s.Template.Spec.Containers, corev1.Container{Name: "proxy", Image: "example.org/proxy:2"})
	})
	a.declare("restore", `{cron_job: restore-from-backup, container: restore, args: ["{at}"]}`, `{mode: restore}`)
	p := a.restore("2025-10-25 10:00:30")
	contains(t, p.Draft.Risk, "Also: attempts, up to 7 if it fails.", "Also: first container fetch, example.org/s3:1 runs fetch --token=•••.", "Also: other container proxy, example.org/proxy:2 runs the image's own.")
	var parts []string
	for _, row := range p.Draft.Listing {
		parts = append(parts, row[0])
	}
	if diff := cmp.Diff([]string{"part", "image", "command", "arguments", "attempts", "first container fetch", "other container proxy"}, parts); diff != "" {
		t.Errorf("the listing (-want +got):\n%s", diff)
	}
}

// TestKEDAHolds: what KEDA holds at a number of pods goes back to that.
func TestKEDAHolds(t *testing.T) {
	t.Parallel()
	held := func(annotations map[string]string) owner {
		return scaledOwner(scaledObject{Metadata: metav1.ObjectMeta{Name: "by-queue", Annotations: annotations}})
	}
	const key = "autoscaling.keda.sh/paused-replicas"
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "backend", Namespace: "production"}}
	for name, c := range map[string]struct {
		owner owner
		mode  string
		warns string
		may   bool // have scaled it
	}{
		"paused, stop":    {held(map[string]string{"autoscaling.keda.sh/paused": "true"}), wayScale, "", false},
		"held at 0, stop": {held(map[string]string{key: "0"}), wayScale, "", true},
		"held at 3, stop": {
			held(map[string]string{key: "3", "autoscaling.keda.sh/paused": "true"}), wayScale,
			"The KEDA ScaledObject by-queue (holds 3 pods) takes backend back to that; before, kubectl annotate scaledobject by-queue -n production " + key + "=0 --overwrite.", true,
		},
		"held at 0, resume": {
			held(map[string]string{key: "0"}), wayResume,
			"The KEDA ScaledObject by-queue (holds 0 pods) takes backend back to that as long as it is told so: kubectl annotate scaledobject by-queue -n production " + key + "- first.", true,
		},
		"held at 3, read-only": {held(map[string]string{key: "3"}), wayReadOnly, "", true},
		"not held, stop":       {held(nil), wayScale, "The KEDA ScaledObject by-queue brings pods of backend back when its trigger fires; pause it first: kubectl annotate ", true},
	} {
		one := &candidate{seen: seen{Deployment: d}, owners: []owner{c.owner}}
		drafted := &drafting{mode: c.mode}
		drafted.warn(one)
		if got := strings.Join(drafted.risks, " "); !strings.HasPrefix(got, c.warns) || (got == "") != (c.warns == "") {
			t.Errorf("%s: it warns %q", name, got)
		}
		if got := c.owner.may(setter{}, true); got != c.may {
			t.Errorf("%s: that it has scaled it is %v", name, got)
		}
		if autoscaled([]owner{c.owner}) != (name == "not held, stop") {
			t.Errorf("%s: it decides the number", name)
		}
	}
}

// TestWritesOfAnotherBot are left alone by every way.
func TestWritesOfAnotherBot(t *testing.T) {
	t.Parallel()
	a := writersArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	a.as("store-2")
	a.done(a.plan(wayReadOnly, "deployment=backend"))
	a.as("store-1")
	for _, mode := range []string{wayScale, wayReadOnly, wayResume} {
		_, err := a.draft(fix.Order{Mode: mode, Select: []string{"deployment=backend"}})
		contains(t, sentence(t, err), "Backend: stopped by P-77 of another bot (store store-2): resume it there.")
	}
}

// TestWritesOfAWebhookWithoutDryRun: what to do about it.
func TestWritesOfAWebhookWithoutDryRun(t *testing.T) {
	t.Parallel()
	target := served(t, nil)
	err := target.refusal(t.Context(), actPatch("backend"), apierrors.NewBadRequest(`admission webhook "policy.example.org" does not support dry run`))
	contains(t, sentence(t, err), "A webhook of Kubernetes production cannot judge a change without making it", `admission webhook "policy.example.org" does not support dry run.`,
		"Its owner has to declare its sideEffects (None); until then, change deployment backend by hand.")
}

// TestWritesOnASlowAPI: all deployments of a plan are asked at once, and a time that is
// over is the API's fault and not the bot's.
func TestWritesOnASlowAPI(t *testing.T) {
	t.Parallel()
	a := writersArena(t, kubetest.Start(t, kubetest.Options{Peer: kubetest.InProcess}))
	p := a.plan(wayScale)
	a.apply(p)
	slow(t, a, 800*time.Millisecond)
	ctx := within(t, 1400*time.Millisecond)
	if known, err := a.applier.Applied(ctx, p.ID, p.forms); err != nil || len(known) != 2 {
		t.Errorf("%+v, %v", known, err)
	}
	if why, err := a.patient().Busy(within(t, 1400*time.Millisecond), p.Plan, p.forms, nil); err != nil {
		t.Errorf("%q, %v", why, err)
	}
	_, err := a.applier.Applied(within(t, 200*time.Millisecond), p.ID, p.forms)
	contains(t, sentence(t, err), "Kubernetes production did not answer in time when getting deployment backend: is its API server overloaded?")
}

func slow(t *testing.T, a *arena, by time.Duration) {
	t.Helper()
	fault := cluster.Fault{Kind: cluster.Slow, Verb: "get", Path: "/apis/apps/v1/namespaces/" + a.ns + "/deployments", Delay: by}
	if err := a.c.Fake().Inject(fault); err != nil {
		t.Fatal(err)
	}
}

// TestTwoAddresses: a job could be started in another cluster than is looked at.
func TestTwoAddresses(t *testing.T) {
	t.Parallel()
	for other, want := range map[string]string{
		"https://a:6443": "",
		"https://b:6443": "kubeconfig and write_kubeconfig of production reach different addresses (https://a:6443 and https://b:6443): make sure that this is one cluster.",
	} {
		target, err := Open(Options{
			Name: "cluster", Place: "production", Namespace: "production", Writes: true,
			Kubeconfig: kubeconfig(t, config("https://a:6443", "{token: x}")), WriteKubeconfig: kubeconfig(t, config(other, "{token: z}")),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(target.Close)
		if got := target.twoAddresses(); got != want {
			t.Errorf("with %s: %s", other, got)
		}
	}
}

// TestExpiredCredentials renew clients again and again, and keep none of them.
func TestExpiredCredentials(t *testing.T) {
	t.Parallel()
	target := served(t, nil)
	for range 10 {
		if _, err := target.reading(); err != nil {
			t.Fatal(err)
		}
		if _, err := target.writing(); err != nil {
			t.Fatal(err)
		}
		target.forget()
	}
	if n := len(target.retired); n > retirees {
		t.Errorf("%d clients are kept", n)
	}
}
