package cluster

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The runbook's world, as [Cluster.Seed] makes it.
const (
	Namespace      = "production"
	Backend        = "ecommerce-backend" // the deployment and its container
	Config         = "ecommerce-config"
	Credentials    = "ecommerce-credentials"
	RestoreJob     = "restore-from-backup" // a suspended CronJob
	ReadOnly       = "READ_ONLY_MODE"
	FormerImage    = "ecommerce-backend:1.8.2" // revision 40
	CurrentImage   = "ecommerce-backend:1.8.3" // revision 41
	FormerRevision = 40
)

// World says what [Cluster.Seed] makes. Zero fields have usual values.
type World struct {
	Replicas int32 // 3
	// When: the deployment, its config and its secret were made, 60 days before now; then revisions 40 and 41 were rolled
	// out, 9 days and 3 days before now.
	Made, Former, Current time.Time
}

// Seed makes the runbook's world: namespace production with the deployment ecommerce-backend, its config map and secret,
// and the suspended CronJob that is the template of a restore.
func (c *Cluster) Seed(w World) error {
	const day = 24 * time.Hour
	now := c.Now()
	usually(&w.Replicas, 3)
	for at, usual := range map[*time.Time]time.Time{&w.Made: now.Add(-60 * day), &w.Former: now.Add(-9 * day), &w.Current: now.Add(-3 * day)} {
		if at.IsZero() {
			*at = usual
		}
	}
	maker := c.As("kubectl-client-side-apply", w.Made)
	if err := maker.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace}}); err != nil {
		return err
	}
	if err := maker.Create(configOfBackend(), credentials(), restoreTemplate()); err != nil {
		return err
	}
	d := NewDeployment(Namespace, Backend, "ecommerce-backend:1.8.1", w.Replicas)
	d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: ReadOnly, Value: "false"}}
	d.Spec.Template.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{
		{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: Config}}},
		{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: Credentials}}},
	}
	if err := maker.CreateAt(d, FormerRevision-1); err != nil {
		return err
	}
	if err := c.As("kubectl-set", w.Former).SetImage(Namespace, Backend, Backend, FormerImage); err != nil {
		return err
	}
	return c.As("kubectl-set", w.Current).SetImage(Namespace, Backend, Backend, CurrentImage)
}

// NewDeployment is a deployment with one container of its name, to be completed and created.
func NewDeployment(namespace, name, image string, count int32) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &count, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: name, Image: image}}},
			},
		},
	}
}

// CreateAt makes a deployment whose first revision has a number, as if it had had others before.
func (a *Author) CreateAt(d *appsv1.Deployment, revision int32) error {
	return a.do(func() error {
		made, err := a.c.create(a.c.kinds.deployments, d.DeepCopy(), write{manager: a.manager})
		if err != nil {
			return err
		}
		deployment, _ := made.(*appsv1.Deployment)
		if err := a.c.syncDeployment(placeOf(made)); err != nil {
			return err
		}
		for _, rs := range owned[*appsv1.ReplicaSet](a.c, a.c.kinds.replicaSets, deployment) {
			if _, err := modify(a.c, a.c.kinds.replicaSets, placeOf(rs), write{manager: controllerManager}, func(rs *appsv1.ReplicaSet) {
				annotate(rs, Revision, decimal(revision))
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

func configOfBackend() *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: Config, Labels: map[string]string{"app": Backend}},
		Data:       map[string]string{"CACHE_TTL_SECONDS": "3600", "ORDER_EVENTS_TOPIC": "orders", "LOG_LEVEL": "info"},
	}
}

func credentials() *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: Credentials, Labels: map[string]string{"app": Backend}},
		StringData: map[string]string{"DATABASE_PASSWORD": "only-in-the-demo"},
	}
}

// restoreTemplate is a CronJob that never runs by itself: somebody makes a Job of its template.
func restoreTemplate() *batchv1.CronJob {
	suspended, once := true, int32(0)
	return &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: RestoreJob, Labels: map[string]string{"app": RestoreJob}},
		Spec: batchv1.CronJobSpec{
			Schedule: "0 0 31 2 *", Suspend: &suspended,
			JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{
				BackoffLimit: &once,
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": RestoreJob}},
					Spec: corev1.PodSpec{
						RestartPolicy: corev1.RestartPolicyNever,
						Containers: []corev1.Container{{
							Name: "restore", Image: "ecommerce-backup:2.1.0", Command: []string{"restore-from-backup"},
							Env: []corev1.EnvVar{{Name: "RESTORE_TIME", Value: "latest"}},
						}},
					},
				},
			}},
		},
	}
}
