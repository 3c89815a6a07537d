package cluster

import (
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPodsTakeTheirTime(t *testing.T) {
	t.Parallel()
	clock := &handClock{now: noon}
	c := seeded(t, Options{Clock: clock, Delays: Delays{PodStart: 20 * time.Second, PodStop: 10 * time.Second}})
	k := client(t, c, Admin)
	phases := func() (all []string) {
		t.Helper()
		settle(t, c)
		l, err := k.CoreV1().Pods(Namespace).List(patience(t), metav1.ListOptions{})
		must(t, err)
		for _, p := range l.Items {
			phase := string(p.Status.Phase)
			if p.DeletionTimestamp != nil {
				phase = "Terminating"
			}
			all = append(all, phase)
		}
		slices.Sort(all)
		return all
	}
	patch(t, k, Backend, `{"spec":{"replicas":4}}`)
	equal(t, "at once", []string{"Pending", "Running", "Running", "Running"}, phases())
	clock.advance(19 * time.Second)
	equal(t, "after 19 s", []string{"Pending", "Running", "Running", "Running"}, phases())
	clock.advance(time.Second)
	equal(t, "after 20 s", []string{"Running", "Running", "Running", "Running"}, phases())
	patch(t, k, Backend, `{"spec":{"replicas":3}}`)
	equal(t, "when there is one too many", []string{"Running", "Running", "Running", "Terminating"}, phases())
	if s := deployment(t, k, Backend).Status; s.Replicas != 3 || s.AvailableReplicas != 3 {
		t.Errorf("status %+v", s)
	}
	clock.advance(10 * time.Second)
	equal(t, "10 s later", []string{"Running", "Running", "Running"}, phases())
}

// A rollout never has fewer pods than it may, and one whose image is broken gets stuck and is said to be.
func TestARolloutThatGetsStuck(t *testing.T) {
	t.Parallel()
	clock := &handClock{now: noon}
	c := seeded(t, Options{Clock: clock})
	c.BreakImage("ecommerce-backend:1.8.4", "ImagePullBackOff")
	k := client(t, c, Admin)
	patch(t, k, Backend, fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":%q,"image":"ecommerce-backend:1.8.4"}]}}}}`, Backend))
	settle(t, c)
	if s := deployment(t, k, Backend).Status; s.AvailableReplicas != 3 || s.UpdatedReplicas != 1 || s.Replicas != 4 || s.UnavailableReplicas != 1 {
		t.Errorf("status %+v", s)
	}
	l, err := k.CoreV1().Pods(Namespace).List(patience(t), metav1.ListOptions{FieldSelector: "status.phase=Pending"})
	must(t, err)
	if len(l.Items) != 1 || l.Items[0].Status.ContainerStatuses[0].State.Waiting.Reason != "ImagePullBackOff" {
		t.Errorf("waiting: %+v", l.Items)
	}
	_, err = k.CoreV1().Pods(Namespace).GetLogs(l.Items[0].Name, &corev1.PodLogOptions{}).Stream(patience(t))
	if want := fmt.Sprintf("container %q in pod %q is waiting to start: trying and failing to pull image", Backend, l.Items[0].Name); err == nil || err.Error() != want {
		t.Errorf("its log: %v", err)
	}
	progress := func() appsv1.DeploymentCondition {
		t.Helper()
		settle(t, c)
		d := deployment(t, k, Backend)
		i := slices.IndexFunc(d.Status.Conditions, func(c appsv1.DeploymentCondition) bool { return c.Type == appsv1.DeploymentProgressing })
		return d.Status.Conditions[i]
	}
	if p := progress(); p.Status != corev1.ConditionTrue || p.Reason != "ReplicaSetUpdated" {
		t.Errorf("at first: %+v", p)
	}
	clock.advance(11 * time.Minute)
	if p := progress(); p.Status != corev1.ConditionFalse || p.Reason != "ProgressDeadlineExceeded" {
		t.Errorf("after 11 minutes: %+v", p)
	}
	must(t, c.As("kubectl-rollout", time.Time{}).SetImage(Namespace, Backend, Backend, CurrentImage))
	settle(t, c)
	d := deployment(t, k, Backend)
	if s := d.Status; s.AvailableReplicas != 3 || s.UpdatedReplicas != 3 || s.Replicas != 3 || d.Annotations[Revision] != "43" {
		t.Errorf("after going back: %+v", d)
	}
}

func TestADeploymentThatIsRecreatedStopsEverythingFirst(t *testing.T) {
	t.Parallel()
	c := seeded(t, Options{})
	d := NewDeployment(Namespace, "worker", "worker:1", 2)
	d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
	must(t, c.As("kubectl", time.Time{}).Create(d))
	settle(t, c)
	k := client(t, c, Admin)
	watch, err := k.CoreV1().Pods(Namespace).Watch(patience(t), metav1.ListOptions{LabelSelector: "app=worker"})
	must(t, err)
	defer watch.Stop()
	must(t, c.As("kubectl-set", time.Time{}).SetImage(Namespace, "worker", "worker", "worker:2"))
	settle(t, c)
	images := map[string]int{}
	for images["worker:2"] < 2 || images["worker:1"] > 0 {
		e := <-watch.ResultChan()
		p := e.Object.(*corev1.Pod)
		switch e.Type {
		case "ADDED":
			images[p.Spec.Containers[0].Image]++
		case "DELETED":
			images[p.Spec.Containers[0].Image]--
		default:
		}
		if images["worker:1"] > 0 && images["worker:2"] > 0 {
			t.Fatalf("both at once: %v", images)
		}
	}
}

func TestHistoryIsLimited(t *testing.T) {
	t.Parallel()
	c := seeded(t, Options{})
	two := int32(2)
	d := NewDeployment(Namespace, "worker", "worker:0", 1)
	d.Spec.RevisionHistoryLimit = &two
	must(t, c.As("kubectl", noon).Create(d))
	for i := range 5 {
		must(t, c.As("kubectl-set", noon.Add(time.Duration(i)*time.Hour)).SetImage(Namespace, "worker", "worker", fmt.Sprintf("worker:%d", i+1)))
	}
	l, err := client(t, c, Admin).AppsV1().ReplicaSets(Namespace).List(patience(t), metav1.ListOptions{LabelSelector: "app=worker"})
	must(t, err)
	var revisions []string
	for _, rs := range l.Items {
		revisions = append(revisions, rs.Annotations[Revision])
	}
	slices.Sort(revisions)
	equal(t, "revisions", []string{"4", "5", "6"}, revisions)
}

func TestSomebodyPutsADeploymentBack(t *testing.T) {
	t.Parallel()
	clock := &handClock{now: noon}
	c := seeded(t, Options{Clock: clock})
	k := client(t, c, Admin)
	stop, err := c.Revert(Namespace, Backend, "argocd-controller", 30*time.Second)
	must(t, err)
	patch(t, k, Backend, fmt.Sprintf(`{"spec":{"replicas":0,"template":{"spec":{"containers":[{"name":%q,"env":[{"name":"READ_ONLY_MODE","value":"true"}]}]}}}}`, Backend))
	settle(t, c)
	clock.advance(29 * time.Second)
	settle(t, c)
	if n := *deployment(t, k, Backend).Spec.Replicas; n != 0 {
		t.Errorf("%d replicas after 29 s", n)
	}
	clock.advance(time.Second)
	settle(t, c)
	d := deployment(t, k, Backend)
	if *d.Spec.Replicas != 3 || d.Spec.Template.Spec.Containers[0].Env[0].Value != "false" {
		t.Errorf("after 30 s: %+v", d.Spec)
	}
	if !slices.ContainsFunc(d.ManagedFields, func(f metav1.ManagedFieldsEntry) bool {
		return f.Manager == "argocd-controller" && f.Time.Time.Equal(noon.Add(30*time.Second))
	}) {
		t.Errorf("managed by %+v", d.ManagedFields)
	}
	stop()
	patch(t, k, Backend, `{"spec":{"replicas":1}}`)
	settle(t, c)
	clock.advance(time.Hour)
	settle(t, c)
	if n := *deployment(t, k, Backend).Spec.Replicas; n != 1 {
		t.Errorf("%d replicas after it stopped", n)
	}
	if _, err := c.Revert(Namespace, "nothing", "x", 0); err == nil {
		t.Error("what does not exist is watched")
	}

	_, err = c.RevertScale(Namespace, Backend, "keda-operator", time.Second)
	must(t, err)
	patch(t, k, Backend, `{"spec":{"replicas":0}}`)
	settle(t, c)
	clock.advance(time.Second)
	settle(t, c)
	if n := *deployment(t, k, Backend).Spec.Replicas; n != 1 {
		t.Errorf("%d replicas after an autoscaler woke it", n)
	}
}

func TestAnAutoscalerFollowsItsMetrics(t *testing.T) {
	t.Parallel()
	clock := &handClock{now: noon}
	c := seeded(t, Options{Clock: clock, Delays: Delays{Autoscaler: 15 * time.Second}})
	k := client(t, c, Admin)
	two := int32(2)
	must(t, c.As("helm", time.Time{}).Create(&autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "backend"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: Backend}, MinReplicas: &two, MaxReplicas: 6,
		},
	}))
	count := func() int32 {
		t.Helper()
		settle(t, c)
		return *deployment(t, k, Backend).Spec.Replicas
	}
	equal(t, "without metrics", int32(3), count())
	c.Load(Namespace, "backend", 9)
	equal(t, "under load", int32(6), count())
	c.Load(Namespace, "backend", 1)
	equal(t, "without load", int32(2), count())
	patch(t, k, Backend, `{"spec":{"replicas":1}}`)
	equal(t, "below the minimum", int32(1), count())
	clock.advance(15 * time.Second)
	equal(t, "15 s later", int32(2), count())
	patch(t, k, Backend, `{"spec":{"replicas":0}}`)
	settle(t, c)
	clock.advance(time.Hour)
	equal(t, "at zero", int32(0), count())
}

func TestAJobTakesItsTimeAndWritesItsLog(t *testing.T) {
	t.Parallel()
	clock := &handClock{now: noon}
	c := seeded(t, Options{Clock: clock})
	k := client(t, c, Admin)
	c.Jobs(func(s JobStart) JobRun {
		if s.Attempt == 0 {
			return JobRun{Duration: time.Minute, Lines: []string{"reading the backup", "no space left"}, ExitCode: 1}
		}
		return JobRun{Duration: 4 * time.Minute, Lines: []string{"reading the backup", "half", "done"}}
	})
	cron, err := k.BatchV1().CronJobs(Namespace).Get(patience(t), RestoreJob, metav1.GetOptions{})
	must(t, err)
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "restore-1"}, Spec: cron.Spec.JobTemplate.Spec}
	*job.Spec.BackoffLimit = 1
	_, err = k.BatchV1().Jobs(Namespace).Create(patience(t), job, metav1.CreateOptions{})
	must(t, err)
	status := func() string {
		t.Helper()
		settle(t, c)
		j, err := k.BatchV1().Jobs(Namespace).Get(patience(t), "restore-1", metav1.GetOptions{})
		must(t, err)
		return fmt.Sprintf("active %d, succeeded %d, failed %d, %d conditions", j.Status.Active, j.Status.Succeeded, j.Status.Failed, len(j.Status.Conditions))
	}
	logs := func() (all []string) {
		t.Helper()
		l, err := k.CoreV1().Pods(Namespace).List(patience(t), metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=restore-1"})
		must(t, err)
		for _, p := range l.Items {
			b, err := k.CoreV1().Pods(Namespace).GetLogs(p.Name, &corev1.PodLogOptions{}).DoRaw(patience(t))
			must(t, err)
			all = append(all, string(b))
		}
		slices.Sort(all)
		return all
	}
	equal(t, "at first", "active 1, succeeded 0, failed 0, 0 conditions", status())
	clock.advance(30 * time.Second)
	equal(t, "its log after 30 s", []string{"reading the backup\n"}, logs())
	clock.advance(30 * time.Second)
	equal(t, "after a minute", "active 1, succeeded 0, failed 1, 0 conditions", status())
	clock.advance(4 * time.Minute)
	equal(t, "after five", "active 0, succeeded 1, failed 1, 2 conditions", status())
	equal(t, "the logs", []string{"reading the backup\nhalf\ndone\n", "reading the backup\nno space left\n"}, logs())
}
