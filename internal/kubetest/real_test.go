//go:build peers

package kubetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// realPatience is what the real programs are given to do their work on a machine that is busy.
const realPatience = 2 * time.Minute

// TestRealKubernetes starts one and looks at everything that tests of the product rely on.
func TestRealKubernetes(t *testing.T) {
	t.Parallel()
	start := time.Now()
	c, err := startReal(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	t.Logf("ready after %v, %d MB of memory", time.Since(start).Round(100*time.Millisecond), resident(t, c)>>20)
	admin := realClient(t, c.Kubeconfig())

	t.Run("a deployment", func(t *testing.T) { aDeploymentRuns(t, c, admin) })
	t.Run("permissions", func(t *testing.T) { permissionsCount(t, c, admin) })
	t.Run("jobs", func(t *testing.T) { jobsEnd(t, c, admin) })
	t.Run("an autoscaler", func(t *testing.T) { anAutoscalerKeepsItsBounds(t, c, admin) })
	t.Run("a pod with a gate", func(t *testing.T) { aPodWithAGateWaits(t, c, admin) })
	t.Logf("after the tests: %d MB of memory", resident(t, c)>>20)

	c.Stop()
	for _, p := range c.programs {
		if !p.ended() {
			t.Errorf("%s still runs", p.name)
		}
	}
	if _, err := os.Stat(c.home.Path()); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
}

func permissionsCount(t *testing.T, c *realCluster, admin kubernetes.Interface) {
	ctx := t.Context()
	namespace := realNamespace(t, admin)
	reader := realClient(t, c.kubeconfigOf(c.Tokens().Reader))
	allowed := func(ctx context.Context) (bool, error) {
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "list", Resource: "pods"},
		}}
		answer, err := reader.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err != nil {
			return false, err
		}
		return answer.Status.Allowed, nil
	}
	if may, err := allowed(ctx); may || err != nil {
		t.Fatalf("the reader may before there is a role: %v, %v", may, err)
	}
	if _, err := reader.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("the reader is not refused: %v", err)
	}
	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "reads-pods"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}}},
	}
	if _, err := admin.RbacV1().Roles(namespace).Create(ctx, role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: ReaderUser}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reads-pods"},
	}
	if _, err := admin.RbacV1().RoleBindings(namespace).Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, c, "the reader may", func(ctx context.Context) error {
		may, err := allowed(ctx)
		if err == nil && !may {
			err = errors.New("not allowed")
		}
		return err
	})
	if _, err := reader.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{}); err != nil {
		t.Errorf("the reader may list pods, but: %v", err)
	}
	if _, err := reader.CoreV1().Secrets(namespace).List(ctx, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("the reader may list secrets: %v", err)
	}
	writer := realClient(t, c.kubeconfigOf(c.Tokens().Writer))
	if _, err := writer.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("what the reader may, the writer may: %v", err)
	}
	nobody := realClient(t, c.kubeconfigOf("guessed"))
	if _, err := nobody.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
		t.Errorf("a guessed token is not refused: %v", err)
	}
	other := realClient(t, c.kubeconfigOf(c.Tokens().Other))
	if _, err := other.AppsV1().Deployments(namespace).Create(ctx, realDeployment("made-by-other", 0), metav1.CreateOptions{}); err != nil {
		t.Errorf("the other controller may do everything, but: %v", err)
	}
}

func jobsEnd(t *testing.T, c *realCluster, admin kubernetes.Interface) {
	ctx := t.Context()
	namespace := realNamespace(t, admin)
	template := batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{
		BackoffLimit: new(int32(0)),
		Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "main", Image: "restore:1"}},
		}},
	}}
	cron := &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Name: "restore"},
		Spec:       batchv1.CronJobSpec{Schedule: "0 0 31 2 *", Suspend: new(true), JobTemplate: template},
	}
	made, err := admin.BatchV1().CronJobs(namespace).Create(ctx, cron, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	start := func(name string, labels map[string]string) {
		t.Helper()
		job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: *made.Spec.JobTemplate.Spec.DeepCopy()}
		job.Spec.Template.Labels = labels
		if _, err := admin.BatchV1().Jobs(namespace).Create(ctx, job, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	start("good", nil)
	start("bad", map[string]string{failingPod: "true"})
	for name, want := range map[string]batchv1.JobConditionType{"good": batchv1.JobComplete, "bad": batchv1.JobFailed} {
		eventually(t, c, name+" is "+string(want), func(ctx context.Context) error {
			job, err := admin.BatchV1().Jobs(namespace).Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			for _, condition := range job.Status.Conditions {
				if condition.Type == want && condition.Status == corev1.ConditionTrue {
					return nil
				}
			}
			return fmt.Errorf("status %+v", job.Status)
		})
	}
	if err := admin.BatchV1().Jobs(namespace).Delete(ctx, "good", metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}); err != nil {
		t.Fatal(err)
	}
	eventually(t, c, "the job's pod is collected", func(ctx context.Context) error {
		pods, err := admin.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=good"})
		if err == nil && len(pods.Items) > 0 {
			err = fmt.Errorf("%d pods", len(pods.Items))
		}
		return err
	})
}

func aPodWithAGateWaits(t *testing.T, c *realCluster, admin kubernetes.Interface) {
	namespace := realNamespace(t, admin)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "waits"}, Spec: corev1.PodSpec{
		SchedulingGates: []corev1.PodSchedulingGate{{Name: "kubetest/never"}}, Containers: []corev1.Container{{Name: "main", Image: "none"}},
	}}
	made, err := admin.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{})
	if err != nil || made.Spec.NodeName != "" {
		t.Errorf("%+v, %v", made, err)
	}
	if err := admin.CoreV1().Namespaces().Delete(t.Context(), namespace, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, c, "the namespace is gone", func(ctx context.Context) error {
		_, err := admin.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("it is still there: %w", err)
	})
}

// eventually waits for what the real programs do in their own time.
func eventually(t *testing.T, c *realCluster, what string, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), realPatience)
	defer cancel()
	if err := c.await(ctx, "not yet", try); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func realNamespace(t *testing.T, admin kubernetes.Interface) string {
	t.Helper()
	made, err := admin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "shop-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Name
}

func realClient(t *testing.T, kubeconfig []byte) kubernetes.Interface {
	t.Helper()
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// resident is the memory of all programs, in bytes.
func resident(t *testing.T, c *realCluster) int64 {
	t.Helper()
	var pages int64
	for _, p := range c.programs {
		statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.PID()))
		if err != nil {
			t.Fatal(err)
		}
		var size, rss int64
		if _, err := fmt.Sscan(string(statm), &size, &rss); err != nil {
			t.Fatal(err)
		}
		pages += rss
	}
	return pages * int64(os.Getpagesize())
}
